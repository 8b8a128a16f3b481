"""A search that lost its counter is listed with the others, with a line: it is made anew."""

import json

from experiment_output import in_this_process

from alignsearch.search.driver.prometheus import _Searches

LINE = "the counter of search broken is lost; it goes on from the last change of its trials, 0"


def test_a_lost_counter_is_made_anew_and_its_search_stays_in_the_list(
    store, store_uri, make_search, tmp_path, caplog
):
    for name in ("first", "broken", "last"):
        make_search(name)
    store._db.delete("counters", {"_id": "broken"})
    code, printed, _ = in_this_process(tmp_path, "status", "--store", store_uri, "--json")
    assert code == 0
    assert [search["name"] for search in json.loads(printed)] == ["first", "broken", "last"]
    code, _, _ = in_this_process(tmp_path, "status", "broken", "--store", store_uri)
    assert code == 0
    assert caplog.text.count(LINE) == 1


def test_a_lost_counter_is_made_anew_and_its_search_stays_in_the_metrics(
    store, make_search, caplog
):
    collector = _Searches(store)
    make_search("broken")
    make_search("fine")
    store._db.delete("counters", {"_id": "broken"})
    for _ in range(2):
        up, trials, *_ = collector.collect()
        assert [sample.value for sample in up.samples] == [1]
        assert {sample.labels["search"] for sample in trials.samples} == {"broken", "fine"}
    assert caplog.text.count(LINE) == 1
