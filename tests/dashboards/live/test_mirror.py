"""The mirror of the store, asked without its poll."""

from driving import wait_until

from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases import whole_search


def test_a_search_in_the_place_of_one_deleted_elsewhere_has_its_own_trials(lab):
    mirror = Mirror(lab.store)
    lab.search("again")
    for tid in (0, 1):
        lab.whole("again", tid, loss=0.125)
    lab.store.searches.change("again", SearchStatus.COMPLETED, "a driver")
    assert mirror.get("again").standing().counts["completed"] == 2
    whole_search.delete(lab.store, "again", "tester")
    lab.search("again")
    lab.whole("again", 0, loss=0.25)
    wait_until(lambda: mirror.get("again").summary.best_loss == 0.25, seconds=300.0)
    assert mirror.get("again").standing().counts["completed"] == 1
