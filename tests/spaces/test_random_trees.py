"""Random trees of all expressions, each against HyperOpt itself."""

import json
import random

import bson
import hyperopt
import pytest
from expressions import Expressions
from hyperopt import Trials, rand, space_eval, tpe
from hyperopt.pyll_utils import expr_to_config

from alignsearch.spaces.hyperopt_space import from_hyperopt, plain_point, to_hyperopt
from alignsearch.spaces.space import SearchSpace

FEW = 25
MANY = 2500


def _stored(space):
    """The space as another process reads it, from BSON and from JSON."""
    data = space.to_data()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    read = SearchSpace.from_data(bson.decode(bson.encode(data)))
    assert read == space
    assert read.space_hash == space.space_hash
    return read


def _domain(expression):
    return hyperopt.base.Domain(lambda _: 0.0, expression)


def _drawn(domain, tid, seed, algo=rand, trials=None):
    (document,) = algo.suggest([tid], domain, Trials() if trials is None else trials, seed)
    return document


def _values(document):
    return {
        label: [(type(each), each) for each in values]
        for label, values in document["misc"]["vals"].items()
    }


def check(expression, points):
    """Compare a space with HyperOpt at random points; returns how deep its conditions are."""
    space = _stored(from_hyperopt(expression))
    own, theirs = _domain(to_hyperopt(space)), _domain(expression)
    assert space.sampled_names == theirs.params.keys()
    for seed in range(points):
        drawn = _drawn(theirs, 0, seed)
        assert _values(_drawn(own, 0, seed)) == _values(drawn)
        point = plain_point(drawn["misc"]["vals"])
        space.check_point(point)
        assert set(space.active(point)) == set(point)
        assert list(space.values(point)) == list(space.active(point))
        # repr tells types, and the order of keys, as == doesn't.
        resolved = space.resolve(point)
        assert repr(resolved) == repr(_without_numpy(space_eval(expression, point)))
    return max((len(each) for p in space.sampled for each in p.conditions), default=0)


def _without_numpy(value):
    if isinstance(value, dict):
        return {key: _without_numpy(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_without_numpy, value))
    return value.item() if hasattr(value, "item") else value


def test_a_space_draws_resolves_and_is_active_as_its_expression():
    made = Expressions(seed=1)
    nested = sum(check(made.make(), points=4) >= 2 for _ in range(FEW))
    assert nested > FEW / 4


def test_thousands_of_spaces_draw_and_resolve_as_their_expressions():
    made = Expressions(seed=2)
    nested = sum(check(made.make(), points=2) >= 2 for _ in range(MANY))
    assert nested > MANY / 2
    assert min(made.used.values()) >= 500


def check_tpe(expression, trials):
    """Compare TPE over the expression and over the stored space, with the same losses."""
    space = _stored(from_hyperopt(expression))
    own, theirs = _domain(to_hyperopt(space)), _domain(expression)
    history, losses = Trials(), random.Random(0)
    for tid in range(trials):
        drawn = _drawn(theirs, tid, tid, tpe, history)
        assert _values(_drawn(own, tid, tid, tpe, history)) == _values(drawn)
        drawn["state"] = hyperopt.JOB_STATE_DONE
        drawn["result"] = {"status": "ok", "loss": losses.choice([0.0, 1.0, losses.random()])}
        history.insert_trial_doc(drawn)
        history.refresh()


def test_tpe_suggests_for_a_space_what_it_does_for_its_expression():
    made = Expressions(seed=3)
    for _ in range(2):
        check_tpe(made.make(depth=4), trials=24)


def test_tpe_suggests_for_many_spaces_what_it_does_for_their_expressions():
    made = Expressions(seed=4)
    for _ in range(80):
        check_tpe(made.make(), trials=28)


@pytest.mark.parametrize("seed", range(5))
def test_conditions_are_those_that_hyperopt_reads(seed):
    made = Expressions(seed=seed)
    compared = 0
    for _ in range(20):
        expression = made.make(depth=4)
        try:
            theirs = {}
            expr_to_config(expression, None, theirs)
        except AttributeError:
            # HyperOpt's function fails on hp.pchoice.
            continue
        space = from_hyperopt(expression)
        domain = _domain(expression)
        for draw in range(10):
            point = plain_point(_drawn(domain, 0, draw)["misc"]["vals"])
            active = {
                label
                for label, each in theirs.items()
                if any(
                    all(point.get(c.name) == c.val for c in conjunction)
                    for conjunction in each["conditions"]
                )
            }
            assert set(space.active(point)) == active
        always = {name for name, each in theirs.items() if each["conditions"] == {()}}
        assert always <= {each.name for each in space.sampled if not each.conditional}
        compared += 1
    assert compared
