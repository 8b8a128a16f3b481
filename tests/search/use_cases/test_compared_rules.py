"""Which searches are compared, which runs are whose, and in which state a rule is."""

from datetime import UTC, datetime, timedelta

import pytest

from alignsearch.search.documents import Recipe, Search
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.compared_rules import FINAL, TAG, compared_rules, noisy
from alignsearch.search.use_cases.longer_training import stem_of
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.fair import FAIR

DAY = datetime(2026, 1, 1, tzinfo=UTC)
DIGITS = Recipe(dataset="digits", width=4, stem="small", epochs=2)


def a_search(name, *, hour=0, **changes):
    fields = {
        "name": name,
        "space": "fair_bp",
        "space_hash": FAIR["fair_bp"].space.space_hash,
        "recipe": DIGITS,
        "trials": 4,
        "parallel": 1,
        "seed": 0,
        "startup": 1,
        "created_by": "ann@lab",
        "created_at": DAY + timedelta(hours=hour),
        "tags": (TAG, "rules-minutes"),
        "status": SearchStatus.COMPLETED,
    }
    return Search(**{**fields, **changes})


def the_runs(of, called, *, hour=1, **changes):
    runs = {"space": RUNS.name, "space_hash": RUNS.space_hash, "tags": ()}
    return a_search(f"{stem_of(of, called)}0123abcd", hour=hour, **{**runs, **changes})


def only_rule(searches):
    ((rule,),) = compared_rules(searches).values()
    return rule


def test_only_searches_with_the_tag_that_train_for_the_error_are_compared():
    rehearsal = DIGITS.model_copy(update={"dataset": "rehearsal"})
    others = [
        a_search("untagged", tags=("mine",)),
        a_search("rules-cost-1", recipe=None, space="rules-cost"),
        a_search("rehearsed", recipe=rehearsal),
        the_runs("rules-bp-1", FINAL, tags=(TAG,)),
    ]
    assert compared_rules(others) == {}
    assert only_rule([*others, a_search("rules-bp-1")]).search.name == "rules-bp-1"


def test_runs_belong_to_their_search_and_the_latest_seeds_count():
    rule = only_rule(
        [
            a_search("rules-bp-1", hour=2),
            the_runs("rules-bp-1", FINAL, hour=1, trials=3),
            the_runs("rules-bp-1", FINAL, hour=3, trials=5),
            the_runs("rules-bp-1", FINAL, hour=4, trials=10),
            the_runs("rules-bp-1", noisy(0.1), hour=5),
            the_runs("rules-bp-12", FINAL, hour=6),
        ]
    )
    assert rule.final is not None
    assert rule.final.trials == 10
    assert [each.name for each in rule.noisy] == ["rules-bp-1-noise-0.1-0123abcd"]
    # Those of a deleted search of this name are none of its own.
    older = [a_search("rules-bp-1", hour=2), the_runs("rules-bp-1", FINAL, hour=1)]
    assert only_rule(older).final is None


def test_a_table_has_one_task_and_one_budget_and_the_latest_comes_first():
    wide = DIGITS.model_copy(update={"width": 8})
    tables = compared_rules(
        [
            a_search("b", hour=1),
            a_search("a", hour=0),
            a_search("wide", hour=2, recipe=wide),
            a_search("more", hour=3, trials=5),
            a_search("seed", hour=4, seed=1),
            a_search("together", hour=5, generation=2),
            a_search("random", hour=6, algo="random"),
        ]
    )
    found = [[rule.search.name for rule in rules] for rules in tables.values()]
    assert found == [["random"], ["together"], ["seed"], ["more"], ["wide"], ["a", "b"]]
    assert next(iter(tables)).algo == "random"


@pytest.mark.parametrize(
    ("search", "final", "has_best", "is_repeating", "state"),
    [
        ("queued", None, False, False, "queued"),
        ("running", None, False, False, "searching"),
        ("running", None, True, True, "repeating"),
        ("paused", None, True, False, "paused"),
        ("cancelled", None, True, False, "stopped"),
        ("failed", None, False, False, "stopped"),
        ("completed", None, False, False, "diverged"),
        ("completed", None, True, True, "searched"),
        ("completed", "queued", True, True, "training"),
        ("completed", "running", True, True, "training"),
        ("completed", "paused", True, True, "paused"),
        ("completed", "failed", True, True, "stopped"),
        ("completed", "completed", True, True, "done"),
        # Extended after its best was trained.
        ("running", "completed", True, False, "searching"),
    ],
)
def test_a_rules_state_is_that_of_the_search_that_goes_on(
    search, final, has_best, is_repeating, state
):
    searches = [a_search("rules-bp-1", status=search)]
    if final is not None:
        searches.append(the_runs("rules-bp-1", FINAL, status=final))
    rule = only_rule(searches)
    assert rule.state(has_best=has_best, is_repeating=is_repeating) == state
