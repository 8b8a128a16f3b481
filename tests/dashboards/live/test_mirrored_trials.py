"""A search's trials in memory, made from the documents that its store has."""

import random

import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.live.trial_table import Query, select, to_csv
from alignsearch.search.documents.errors import StoreCorruptedError


def documents(lab, since=0):
    return list(
        lab.store.trials.changed_records("done", since, lab.store.trials.last_change("done"))
    )


@pytest.fixture(scope="module")
def trials(lab):
    mirrored = MirroredTrials(lab.store.searches.get("done"))
    mirrored.update(documents(lab), lab.store.trials.last_change("done"))
    return mirrored


def tids(trials, **query):
    return [int(trials.table["tid"][row]) for row in select(trials, Query(**query))]


def test_the_best_is_the_lowest_loss_in_every_view(trials, lab):
    best = lab.store.totals.best("done").tid
    assert trials.standing().best.tid == best == 7
    assert trials.improvements[-1].tid == best
    assert int(trials.table["tid"][trials.ranked()[0]]) == best
    assert trials.rank(best, lab.store.totals.best("done").loss) == 1


def test_updates_in_pieces_equal_one_reading(trials, lab):
    pieces = MirroredTrials(lab.store.searches.get("done"))
    found = documents(lab)
    random.Random(0).shuffle(found)
    for document in [*found, *found[:5]]:
        pieces.update([document], document["seq"])
    assert pieces.rev == trials.rev
    assert pieces.scored == trials.scored
    assert pieces.diverged == trials.diverged
    assert pieces.standing().counts == trials.standing().counts
    assert {each.reason: each.tids for each in pieces.failures.by_reason()} == {
        each.reason: each.tids for each in trials.failures.by_reason()
    }


def test_only_changed_rows_are_told(trials):
    assert trials.changed_since(trials.rev) == []
    assert len(trials.changed_since(0)) == trials.table.rows


def test_a_document_that_is_no_trial_is_named(lab):
    mirrored = MirroredTrials(lab.store.searches.get("done"))
    with pytest.raises(StoreCorruptedError, match="'done/0' can't be read"):
        mirrored.update([{"_id": "done/0", "tid": 0}], 1)


def test_rows_are_filtered_by_ranges_options_and_text(trials):
    assert tids(trials, where=["loss::0.2"]) == [6, 7]
    assert tids(trials, where=["loss:0.4:"], sort="loss") == [2, 1, 0]
    assert tids(trials, where=["outcome:is:fail"]) == [8]
    assert tids(trials, text="memoryerror") == [9]
    assert tids(trials, tids=[5, 3, 77]) == [3, 5]


def test_a_condition_that_is_none_is_refused_with_its_form(trials):
    with pytest.raises(ConfigurationError, match="COLUMN:LOW:HIGH"):
        select(trials, Query(where=["loss"]))
    with pytest.raises(ConfigurationError, match="COLUMN:LOW:HIGH"):
        select(trials, Query(where=["loss:low:1"]))
    with pytest.raises(UnknownNameError, match="no column is named 'los'"):
        select(trials, Query(where=["los:0:1"]))


def test_a_note_is_no_formula_to_a_spreadsheet(trials):
    trials.notes[trials.row_of[9]] = "=1+1"
    text = to_csv(trials, [trials.row_of[9]])
    assert text.splitlines()[1].endswith(",'=1+1")
