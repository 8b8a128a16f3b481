"""A search that lost its counter stays in the dashboard's list: the counter is made anew."""

from driving import wait_until


def test_a_lost_counter_is_made_anew_and_its_search_stays_in_the_list(
    lab, module_uri, serve, caplog
):
    for name in ("sound", "broken"):
        lab.search(name)
    lab.store._db.delete("counters", {"_id": "broken"})
    with serve(module_uri) as dashboard:
        wait_until(lambda: names(dashboard) >= {"sound", "broken"})
        assert dashboard.json("/searches/broken")["summary"]["name"] == "broken"
        assert dashboard.json("/health")["available"]
    assert caplog.text.count("the counter of search broken is lost; it goes on from") == 1


def names(dashboard):
    return {search["name"] for search in dashboard.json("/searches")["searches"]}
