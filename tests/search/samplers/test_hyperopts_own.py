"""`random` and `anneal` against HyperOpt's own `rand` and `anneal`: the same points to the bit."""

import hyperopt
import numpy as np
import pytest
from expressions import Expressions
from hyperopt import anneal, hp, rand

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.random_search import trial_seed
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt, plain_point, to_hyperopt

SEED = 5
FEW, MANY = 6, 200


def theirs(algo, domain, history, tid):
    """HyperOpt's document of trial `tid`, by the seed that this program gives the trial."""
    # HyperOpt takes the logarithm of rounded values, which may be 0.
    with np.errstate(all="ignore"):
        (document,) = algo([tid], domain, history, trial_seed(SEED, tid))
    return document


def check_search(space, name, algo, trials, slots=1):
    """Compare a search of one slot or more, some of whose trials fail."""
    domain = hyperopt.base.Domain(None, to_hyperopt(space))
    history = hyperopt.Trials()
    ours = make_sampler(name, space, seed=SEED, startup=9, pending="hyperopt")
    rng = np.random.default_rng(1)
    running = []
    for tid in range(trials):
        pending = [Pending(each["tid"], plain_point(each["misc"]["vals"])) for each in running]
        document = theirs(algo, domain, history, tid)
        point = plain_point(document["misc"]["vals"])
        assert ours.suggest(tid, pending) == point
        history.insert_trial_doc(document)
        running.append(document)
        if len(running) == slots:
            done = running.pop(rng.integers(slots))
            loss = None if tid % 7 == 3 else float(rng.normal())
            done["state"] = hyperopt.JOB_STATE_DONE
            done["result"] = {"status": "fail"} if loss is None else {"status": "ok", "loss": loss}
            ours.tell(Observation(done["tid"], plain_point(done["misc"]["vals"]), loss))
            history._dynamic_trials = [
                done if each["tid"] == done["tid"] else each for each in history._dynamic_trials
            ]
        history.refresh()


EVERY_KIND = from_hyperopt(
    {
        "a": hp.uniform("a", -1, 1),
        "b": hp.loguniform("b", -4, 0),
        "c": hp.quniform("c", 0, 10, 2),
        "d": hp.qloguniform("d", -2, 3, 1),
        "e": hp.normal("e", 0, 1),
        "f": hp.lognormal("f", 0, 1),
        "g": hp.qnormal("g", 0, 3, 1),
        "h": hp.qlognormal("h", 0, 1, 1),
        "i": hp.randint("i", 5),
        "j": hp.randint("j", 2, 9),
        "k": hp.choice("k", [{"l": hp.uniform("l", 0, 1)}, {"m": hp.randint("m", 3)}, 7]),
        "n": hp.pchoice("n", [(0.1, 1), (0.9, hp.normal("o", 5, 1))]),
    }
)
ALGORITHMS = {"random": rand.suggest, "anneal": anneal.suggest}


@pytest.mark.parametrize("slots", [1, 5])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_search_has_hyperopts_points(name, slots):
    check_search(EVERY_KIND, name, ALGORITHMS[name], 40, slots)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_random_trees_have_hyperopts_points(name):
    made = Expressions(seed=11)
    for _ in range(FEW):
        check_search(from_hyperopt(made.make()), name, ALGORITHMS[name], 8)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_hundreds_of_random_trees_have_hyperopts_points(name):
    made = Expressions(seed=12)
    for _ in range(MANY):
        check_search(from_hyperopt(made.make()), name, ALGORITHMS[name], 12, 3)


def test_annealing_counts_running_trials_by_the_policy():
    """Left out, they change nothing; otherwise the points are drawn from nearer."""
    sampler = make_sampler("anneal", EVERY_KIND, seed=SEED, startup=0, pending="ignore")
    point = sampler.suggest(0, [])
    sampler.tell(Observation(0, point, 1.0))
    pending = [
        Pending(tid, make_sampler("random", EVERY_KIND, seed=1, startup=0).suggest(tid, []))
        for tid in range(1, 5)
    ]
    alone = sampler.suggest(9, [])
    assert sampler.suggest(9, pending) == alone
    for policy in ("hyperopt", "liar-mean", "liar-worst"):
        other = make_sampler("anneal", EVERY_KIND, seed=SEED, startup=0, pending=policy)
        other.tell(Observation(0, point, 1.0))
        assert other.suggest(9, pending) != alone
        assert other.suggest(9, []) == alone
