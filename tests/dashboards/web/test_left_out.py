"""A search that can't be read is left out of the dashboard's list, and of nothing else."""

from driving import wait_until


def test_a_lost_counter_takes_its_own_search_out_of_the_list(lab, module_uri, serve, caplog):
    for name in ("sound", "broken"):
        lab.search(name)
    lab.store._db.delete("counters", {"_id": "broken"})
    with serve(module_uri) as dashboard:
        wait_until(lambda: "sound" in names(dashboard))
        assert "broken" not in names(dashboard)
        # Asked for by name, it is told what it lacks, and the others go on being read.
        refused = dashboard.get("/searches/broken")
        assert refused.status_code == 503
        assert "no counter" in refused.json()["error"]["message"]
        assert dashboard.json("/searches/sound")["summary"]["name"] == "sound"
        assert dashboard.json("/health")["available"]
    assert caplog.text.count("search broken is left out") == 1


def names(dashboard):
    return {search["name"] for search in dashboard.json("/searches")["searches"]}
