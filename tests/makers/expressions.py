"""Random HyperOpt expressions: every `hp` function, containers, constants, shared parts, sums."""

import numpy as np
from hyperopt import hp
from hyperopt.pyll import scope

CONSTANTS = (None, True, False, 0, 1, -3, 1.0, 0.5, float("inf"), "", "text", "é.$", 10**15)


def _continuous(name):
    return lambda label, rng: getattr(hp, name)(label, *sorted(rng.uniform(-3, 3, 2)))


def _quantized(name):
    return lambda label, rng: getattr(hp, name)(
        label, *sorted(rng.uniform(-3, 3, 2)), [0.1, 0.5, 1, 2, 3][rng.integers(5)]
    )


def _normal(name):
    return lambda label, rng: getattr(hp, name)(label, rng.normal(), rng.uniform(0.1, 2))


def _qnormal(name):
    return lambda label, rng: getattr(hp, name)(
        label, rng.normal(), rng.uniform(0.1, 2), [0.25, 1, 2][rng.integers(3)]
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
