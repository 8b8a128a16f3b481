"""Random HyperOpt expressions: every `hp` function, containers, constants, shared parts, sums."""

import numpy as np
from hyperopt import hp
from hyperopt.pyll import scope

CONSTANTS = (None, True, False, 0, 1, -3, 1.0, 0.5, float("inf"), "", "text", "é.$", 10**15)


def _ends(rng):
    """Two ends: mostly near 0, also wide or far apart, and whole numbers as people write them."""
    low, high = sorted(rng.uniform(-3, 3, 2))
    kind = rng.integers(6)
    if kind == 0:
        return 4 * low, 4 * high
    return (int(low), int(high) + 1) if kind == 1 else (low, high)


def _mean_and_deviation(rng):
    mean, deviation = rng.normal(), rng.uniform(0.1, 2)
    return (round(mean), 1) if rng.integers(6) == 0 else (mean, deviation)


def _continuous(name):
    def make(label, rng):
        low, high = _ends(rng)
        if rng.integers(4) == 0:
            return getattr(hp, name)(label, high=high, low=low)
        return getattr(hp, name)(label, low, high)

    return make


def _quantized(name):
    return lambda label, rng: getattr(hp, name)(
        label, *_ends(rng), [0.1, 0.5, 1, 2, 3][rng.integers(5)]
    )


def _normal(name):
    return lambda label, rng: getattr(hp, name)(label, *_mean_and_deviation(rng))


def _qnormal(name):
    return lambda label, rng: getattr(hp, name)(
        label, *_mean_and_deviation(rng), [0.25, 1, 2][rng.integers(3)]
    )


LEAVES = {
    "uniform": _continuous("uniform"),
    "loguniform": _continuous("loguniform"),
    "quniform": _quantized("quniform"),
    "qloguniform": _quantized("qloguniform"),
    "normal": _normal("normal"),
    "lognormal": _normal("lognormal"),
    "qnormal": _qnormal("qnormal"),
    "qlognormal": _qnormal("qlognormal"),
    "uniformint": lambda label, rng: hp.uniformint(label, -2, int(rng.integers(1, 9))),
    "randint": lambda label, rng: hp.randint(label, int(rng.integers(1, 7))),
    "randint of two": lambda label, rng: hp.randint(label, 3, int(rng.integers(4, 9))),
}
"""A dimension of each kind, from its label and a random generator."""

EVERY_KIND = {
    "uniform": hp.uniform("x", -2, 5),
    "loguniform": hp.loguniform("x", -9, 3),
    "quniform": hp.quniform("x", 1, 8, 2),
    "qloguniform": hp.qloguniform("x", -2, 4, 1),
    "normal": hp.normal("x", 3, 2),
    "qnormal": hp.qnormal("x", 0, 3, 0.5),
    "lognormal": hp.lognormal("x", 0, 1),
    "qlognormal": hp.qlognormal("x", 1, 1, 1),
    "uniformint": hp.uniformint("x", 3, 9),
    "randint": hp.randint("x", 5),
    "randint from 2": hp.randint("x", 2, 7),
    "choice": hp.choice("x", ["a", "b", "c"]),
    "pchoice": hp.pchoice("x", [(0.1, "a"), (0.6, "b"), (0.3, "c")]),
}
"""A dimension of each kind, by the kind's name."""


class Expressions:
    """Makes random expressions; `used` counts the expressions of each kind."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self.used = dict.fromkeys([*LEAVES, "choice", "pchoice", "shared", "operation"], 0)

    def make(self, depth=5):
        """An expression that is `depth` levels deep at one place at least."""
        self._labels = 0
        self._shared = []
        return {"deep": self._node(depth), **self._dict(1)}

    def _node(self, depth):
        rng = self._rng
        if self._shared and rng.random() < 0.15:
            self.used["shared"] += 1
            return self._shared[rng.integers(len(self._shared))]
        if depth <= 0:
            return self._leaf()
        kind = ["dict", "list", "tuple", "choice", "choice", "pchoice"][rng.integers(6)]
        if kind == "dict":
            return self._dict(depth)
        if kind in ("list", "tuple"):
            return {"list": list, "tuple": tuple}[kind](self._nodes(depth))
        self.used[kind] += 1
        label, options = self._label(), self._nodes(depth)
        if kind == "choice":
            made = hp.choice(label, options)
        else:
            odds = rng.uniform(0.1, 1, len(options))
            made = hp.pchoice(label, list(zip(odds / odds.sum(), options, strict=True)))
        self._shared.append(made)
        return made

    def _nodes(self, depth):
        """Some nodes, of which a random one is as deep as it has to be."""
        count = int(self._rng.integers(1, 5))
        deep = self._rng.integers(count)
        return [
            self._node(depth - 1 if at == deep else int(self._rng.integers(0, max(1, depth - 1))))
            for at in range(count)
        ]

    def _dict(self, depth):
        keys = [["b", "a", "C", "z.$", "é", ""][at] for at in self._rng.permutation(6)]
        return dict(zip(keys, self._nodes(depth), strict=False))

    def _leaf(self):
        rng = self._rng
        if rng.random() < 0.25:
            return CONSTANTS[rng.integers(len(CONSTANTS))]
        kind = [*LEAVES][rng.integers(len(LEAVES))]
        self.used[kind] += 1
        made = LEAVES[kind](self._label(), rng)
        self._shared.append(made)
        return self._operation(made) if rng.random() < 0.25 else made

    def _operation(self, made):
        self.used["operation"] += 1
        operations = (
            lambda x: x * 2 + 1,
            lambda x: -x / 4,
            lambda x: (x - 1) ** 2,
            lambda x: 3 // (x * x + 1),
            scope.int,
            lambda x: scope.exp(-x * x),
            lambda x: scope.max(x, 0.5, 1),
            lambda x: scope.sqrt(x * x) + scope.sin(x),
            lambda x: [x, 2 * x],
        )
        return operations[self._rng.integers(len(operations))](made)

    def _label(self):
        # In no order that the tree has.
        self._labels += 1
        return f"{self._rng.integers(1000)}.$ {self._labels}"
