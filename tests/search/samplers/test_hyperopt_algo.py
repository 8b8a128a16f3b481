"""Our TPE as `fmin`'s algorithm against `hyperopt.tpe.suggest`, document by document."""

import math
from functools import partial

import hyperopt
import numpy as np
import pytest
from hyperopt import hp
from hyperopt import tpe as hyperopt_tpe
from hyperopt_trials import document, domain_of, result_of

from alignment_core.errors import ConfigurationError
from alignsearch.search.samplers import hyperopt_algo
from alignsearch.search.samplers.dimensions import read_dimensions
from alignsearch.search.samplers.random_search import random_point


def space():
    rate = hp.loguniform("rate", -9, 0)
    return {
        "model": hp.choice(
            "model",
            [
                {"kind": "linear", "rate": rate, "width": 1},
                {
                    "kind": "network",
                    "rate": rate,
                    "width": hp.quniform("width", 8, 64, 8),
                    "norm": hp.pchoice("norm", [(0.2, None), (0.8, hp.normal("shift", 0, 1))]),
                },
            ],
        ),
        "seed": hp.randint("seed", 3, 9),
    }


def loss_of(config):
    model = config["model"]
    return abs(math.log(model["rate"]) + 4) + abs(model["width"] - 40) / 20


def searched(algo, trials=60):
    """Every document of a search by `fmin`, without times."""
    history = hyperopt.Trials()
    hyperopt.fmin(
        loss_of,
        space(),
        algo=algo,
        max_evals=trials,
        trials=history,
        rstate=np.random.default_rng(3),
        show_progressbar=False,
        verbose=False,
    )
    return [(each["tid"], each["misc"], each["result"]) for each in history.trials]


def test_a_search_by_fmin_goes_as_with_hyperopts_own():
    assert searched(hyperopt_algo.suggest) == searched(hyperopt_tpe.suggest)


@pytest.mark.parametrize(
    "options",
    [
        {"gamma": 0.6},
        {"prior_weight": 3},
        {"n_EI_candidates": 3},
        {"n_EI_candidates": 90},
        {"n_startup_jobs": 4},
        {"gamma": 0.05, "prior_weight": 0.01, "n_EI_candidates": 15, "n_startup_jobs": 1},
    ],
    ids=str,
)
def test_hyperopts_options_change_the_points_as_there(options):
    ours = searched(partial(hyperopt_algo.suggest, **options), trials=40)
    assert ours == searched(partial(hyperopt_tpe.suggest, **options), trials=40)


def suggestions(trials, domain, startup, new_ids=(900,)):
    """The documents of the next suggestion, ours and HyperOpt's."""
    return [
        algo(list(new_ids), domain, trials, 7, n_startup_jobs=startup, verbose=False)
        for algo in (hyperopt_algo.suggest, hyperopt_tpe.suggest)
    ]


def told(domain, change, trials=30):
    """A history of random points, each document of which `change` makes different."""
    dimensions = read_dimensions(domain)
    rng = np.random.default_rng(5)
    documents = []
    for tid in range(trials):
        done = document(
            domain,
            tid,
            random_point(dimensions, rng),
            hyperopt.JOB_STATE_DONE,
            result_of(float(rng.random())),
        )
        change(tid, done)
        documents.append(done)
    history = hyperopt.Trials()
    history.insert_trial_docs(documents)
    history.refresh()
    return history


def repeated(tid, done):
    """Every third document repeats the one before it, some with a lower loss."""
    if tid % 3 == 2:
        done["misc"]["from_tid"] = tid - 1


def without_number(tid, done):
    if tid % 4 == 1:
        done["result"]["loss"] = math.nan


def failed(tid, done):
    if tid % 2:
        done["result"] = {"status": hyperopt.STATUS_FAIL}
    if tid % 5 == 0:
        done["state"] = hyperopt.JOB_STATE_ERROR


def with_values_of_inactive_labels(tid, done):
    """`fmin` writes `points_to_evaluate` so, which have to have every label."""
    if tid % 3 == 0:
        done["misc"]["idxs"]["width"] = [tid]
        done["misc"]["vals"]["width"] = [8 * (tid % 5)]


@pytest.mark.parametrize(
    "change", [repeated, without_number, failed, with_values_of_inactive_labels]
)
def test_strange_documents_count_as_hyperopt_counts_them(change):
    domain = domain_of(space())
    trials = told(domain, change)
    for startup in (0, 12, 25, 40):
        ours, theirs = suggestions(trials, domain, startup)
        assert ours == theirs


def test_the_start_up_suggests_as_many_as_it_is_asked_for():
    domain = domain_of(space())
    ours, theirs = suggestions(hyperopt.Trials(), domain, 20, new_ids=(0, 1, 2))
    assert len(ours) == 3
    assert ours == theirs


def test_a_space_that_tpe_does_not_model_is_refused_with_its_label():
    spread = hp.normal("spread", 0, hp.uniform("deviation", 1, 2))
    with pytest.raises(ConfigurationError, match="spread: .* computed by 'float'"):
        hyperopt_algo.suggest([0], domain_of(spread), hyperopt.Trials(), 0)
