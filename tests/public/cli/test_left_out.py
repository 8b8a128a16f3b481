"""A search that can't be read takes only itself out of sight, with a line."""

import json

from experiment_output import in_this_process

from alignsearch.search.driver.prometheus import _Searches


def test_a_lost_counter_takes_its_own_search_out_of_the_list(
    store, store_uri, make_search, tmp_path
):
    for name in ("first", "broken", "last"):
        make_search(name)
    store._db.delete("counters", {"_id": "broken"})
    code, printed, said = in_this_process(tmp_path, "status", "--store", store_uri, "--json")
    assert code == 0
    assert [search["name"] for search in json.loads(printed)] == ["first", "last"]
    assert said.count("search broken is left out: the store has no counter") == 1
    code, printed, said = in_this_process(tmp_path, "status", "--store", store_uri)
    assert code == 0
    assert "first" in printed
    assert "broken" not in printed
    code, _, said = in_this_process(tmp_path, "status", "broken", "--store", store_uri)
    assert code == 2
    assert "no counter for search 'broken'" in said


def test_a_lost_counter_takes_its_own_search_out_of_the_metrics(store, make_search, caplog):
    collector = _Searches(store)
    make_search("broken")
    make_search("fine")
    store._db.delete("counters", {"_id": "broken"})
    for _ in range(2):
        up, trials, *_ = collector.collect()
        assert [sample.value for sample in up.samples] == [1]
        assert {sample.labels["search"] for sample in trials.samples} == {"fine"}
    assert caplog.text.count("search broken is left out") == 1
