"""Priors of searches from Python: a definition's, another search's, Table 5's; and what is refused.

The trials are asked for, so that neither a cluster nor time decides.
"""

import math

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

import alignsearch
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.own_search_runs import _check_same
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.use_cases.whole_search import delete

SPACE = {
    "lr": hp.loguniform("lr", math.log(1e-6), 0),
    "width": hp.choice("width", [16, 32, 64]),
    "drop": hp.uniform("drop", 0, 1),
}
PRIOR = {
    "lr": hp.lognormal("lr", math.log(1e-3), 0.5),
    "width": hp.pchoice("width", [(0.9, 32), (0.1, 64)]),
}


@pytest.fixture
def make(store_uri):
    """Submit a search whose trials are asked for."""
    opened = []

    def submit(name, space=SPACE, *, prior=None, expected=None, **options):
        search = alignsearch.Search(space, prior=expected)
        given = {"trials": 30, "startup": 8, "name": name, **options}
        given |= {} if prior is None else {"prior": prior}
        opened.append(search.submit(store=store_uri, **given))
        return opened[-1]

    yield submit
    for each in opened:
        each.close()


def loss(config):
    return abs(math.log10(config["lr"]) + 3) + config["drop"] + (config["width"] != 32)


def run(search, trials=30):
    for _ in range(trials):
        trial = search.ask()
        if trial is None:
            break
        search.tell(trial, loss(trial.config))
    return search


def points(search):
    return [dict(each) for each in search.trials()[["lr", "width", "drop"]].to_dict("records")]


def test_a_definitions_prior_is_where_the_search_begins(make):
    search = make("expected", expected=PRIOR)
    first = search.ask()
    assert first.config["lr"] == pytest.approx(1e-3, rel=0.02)
    assert first.config["width"] == 32
    search.tell(first, loss(first.config))
    frame = run(search).trials()
    near = np.abs(np.log10(frame["lr"]) + 3) < 0.5
    assert near[:8].mean() >= 0.4
    stored = search.search.prior
    assert stored.source == "definition"
    assert stored.told.startswith("lr log-normal")
    assert search.summary().to_json()["prior"]["distributions"].keys() == {"lr", "width"}
    # Without it, the same seed draws other points, and `none` leaves it out.
    plain, none = run(make("plain")), run(make("none", expected=PRIOR, prior="none"))
    assert points(plain) == points(none) != points(search)
    assert none.search.prior is None


def test_a_killed_process_changes_no_point_and_extending_keeps_the_prior(make, store_uri):
    whole = run(make("whole", expected=PRIOR))
    run(make("broken", expected=PRIOR, trials=20), 11)
    # Another process knows the store alone.
    with alignsearch.open_search("broken", store=store_uri) as again:
        run(again)
        again.extend(30)
        assert points(run(again)) == points(whole)
        assert again.search.prior == whole.search.prior


def test_the_best_trials_of_another_search_are_copied(make, store):
    other = run(make("other"))
    search = make("next", prior="search:other")
    frame = other.trials()
    best = [*frame["loss"].nsmallest(3).index]
    prior = search.search.prior
    assert prior.source == "search:other"
    assert prior.told == f"the best of 30 trials of other, trials {', '.join(map(str, best))}"
    assert [point["lr"] for point in prior.points] == [*frame["lr"][best]]
    # The other one may be deleted at once.
    delete(store, "other", "ann")
    asked = run(search, 3).trials()
    assert [*asked["lr"]] == [*frame["lr"][best]]
    assert [*asked["width"]] == [*frame["width"][best]]


def test_a_search_with_some_of_the_labels_leaves_the_others_open(make):
    run(make("other"))
    space = {"lr": hp.loguniform("lr", math.log(1e-6), 0), "decay": hp.uniform("decay", 0, 1)}
    search = make("wider", space, prior="search:other")
    assert {label for point in search.search.prior.points for label in point} == {"lr"}
    assert 0 <= search.ask().config["decay"] <= 1


def test_a_prior_that_cannot_be_is_refused_with_its_label(make):
    run(make("other"))
    make("empty")
    narrow = {"lr": hp.loguniform("lr", math.log(0.5), 0)}
    for name, space, said in (
        ("empty", SPACE, "'empty' has no finished trial to take a prior from"),
        ("other", narrow, "no mass in the space that is searched.*lr can't be"),
        ("other", {"x": hp.uniform("x", 0, 1)}, "has no dimension of"),
    ):
        with pytest.raises((ConfigurationError, StateConflictError), match=said):
            make("refused", space, prior=f"search:{name}")
    with pytest.raises(UnknownNameError, match="did you mean other"):
        make("refused", prior="search:othr")
    for prior, said in (
        ("table5", "has no published column: wm, wm_ad, wm_ad_ops, ia have one in Table 5"),
        ("table 5", "'table 5' is no prior: write table5, none, or search:NAME"),
        ("search:", "is no prior"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            make("refused", prior=prior)
    for algo in ("tpe", "random", "anneal"):
        with pytest.raises(
            ConfigurationError, match=f"--algo {algo} can't use a prior: choose --algo combined, or"
        ):
            make("refused", expected=PRIOR, algo=algo)
        with pytest.raises(ConfigurationError, match="choose --algo combined"):
            make("refused", prior="search:other", algo=algo)
    assert make("left-out", expected=PRIOR, prior="none", algo="random").search.prior is None


REFUSED = {
    "an unknown label": ({"rate": hp.normal("rate", 0, 1)}, "in its prior, is named 'rate'; known"),
    "another label": ({"lr": hp.normal("x", 0, 1)}, "the prior of lr is one distribution with the"),
    "no distribution": ({"lr": 0.1}, "prior of lr is one distribution"),
    "no dictionary": ([hp.normal("lr", 0, 1)], "a prior is a dictionary"),
    "arithmetic": ({"lr": 2 * hp.uniform("lr", 0, 1)}, "leave out what surrounds hp.uniform"),
    "a dictionary in it": ({"lr": {"x": hp.uniform("lr", 0, 1)}}, "prior of lr is one distrib"),
    "no mass": ({"lr": hp.uniform("lr", 2, 3)}, "the prior of lr, .* it has no mass in the"),
    "no such option": ({"width": hp.choice("width", [16, 48])}, "the space has no option 48"),
    "options of a range": (
        {"drop": hp.choice("drop", [0, 1])},
        "its values are numbers of a range",
    ),
    "a range of options": ({"width": hp.normal("width", 32, 4)}, "its values are options"),
    "only options without mass": (
        {"width": hp.pchoice("width", [(1.0, 16)])},
        None,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_definitions_prior_that_cannot_be_is_refused(make, case):
    prior, said = REFUSED[case]
    if said is None:
        assert make("sure", expected=prior).ask().config["width"] == 16
        return
    with pytest.raises((ConfigurationError, UnknownNameError), match=said):
        make("refused", expected=prior)


def test_a_number_that_is_made_whole_is_a_distribution_of_a_prior_too(make):
    space = {"n": scope.int(hp.quniform("n", 0, 100, 1))}
    found = make("whole", space, expected={"n": scope.int(hp.qnormal("n", 40, 1, 1))})
    assert found.ask().config == {"n": 40}


def test_a_fixed_dimension_needs_no_prior_and_a_narrowed_one_does(make):
    fixed = make("fixed", expected=PRIOR, fix={"width": 16})
    assert fixed.search.prior.distributions.keys() == {"lr"}
    with pytest.raises(ConfigurationError, match=r"prior of lr, .* no mass"):
        make("refused", expected=PRIOR, range={"lr": (0.9, 1.0)})


def test_a_stored_search_goes_on_with_the_same_prior_only(store_uri, make):
    first = make("a", expected=PRIOR).search
    other = make("b", expected={"lr": PRIOR["lr"]}).search
    asked = alignsearch.Submission(space="search")
    _check_same(first, first, asked)
    with pytest.raises(StateConflictError, match=r"the prior .definition: lr.*, not .definition"):
        _check_same(first, other, asked)
