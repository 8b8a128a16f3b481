"""Random search spaces of HyperOpt's expressions, of any depth, with shared parts."""

from collections import Counter

from hyperopt import hp

MOST_OPTIONS = 4
DEEPEST = 6


class Trees:
    """Makes random trees of HyperOpt's expressions, and counts the expressions of each kind.

    Labels are random texts, so that their order has nothing to do with the tree's.
    """

    def __init__(self, rng):
        self.rng = rng
        self.counts = Counter()

    def tree(self, *, nested, depth=4):
        """A tree at least `depth` deep; `nested` ones have choices within choices."""
        self.labels = set()
        self.pool = []
        self.nested = nested
        return self._grow(depth, in_choice=False)

    def _grow(self, depth, in_choice):
        """A subtree that goes on at least to `depth` in one of its branches."""
        if self.pool and self.rng.random() < 0.08:
            # The same dimension or choice at another place: HyperOpt draws it once.
            return self.pool[self.rng.integers(len(self.pool))]
        if depth <= 0 and (depth <= 4 - DEEPEST or self.rng.random() < 0.7):
            return self._leaf()
        may_choose = self.nested or not in_choice
        kind = self.rng.choice(["dict", "list", "tuple", "choice", "choice", "pchoice"])
        if kind.endswith("choice") and may_choose:
            return self._choice(kind, depth)
        children = self._children(depth, in_choice, 1 + int(self.rng.integers(3)))
        if kind == "list":
            return children
        if kind == "tuple":
            return tuple(children)
        # HyperOpt draws in an order that depends on keys only through the paths to shared parts.
        keys = self.rng.permutation(["a", "b", "c", "d"])
        return {str(key): child for key, child in zip(keys, children, strict=False)}

    def _children(self, depth, in_choice, number):
        deep = int(self.rng.integers(number))
        return [
            self._grow(depth - 1 if at == deep else min(depth - 1, 1), in_choice)
            for at in range(number)
        ]

    def _choice(self, kind, depth):
        self.counts[kind] += 1
        number = 1 + int(self.rng.integers(MOST_OPTIONS))
        label = self._label()
        options = self._children(depth, True, number)
        if kind == "choice":
            made = hp.choice(label, options)
        else:
            shares = self.rng.integers(1, 9, number)
            probabilities = [float(share) / float(shares.sum()) for share in shares]
            made = hp.pchoice(label, list(zip(probabilities, options, strict=True)))
        self.pool.append(made)
        return made

    def _leaf(self):
        if self.rng.random() < 0.15:
            return ["text", 3, None, 0.5][self.rng.integers(4)]
        kind = LEAVES[self.rng.integers(len(LEAVES))]
        self.counts[kind] += 1
        made = getattr(self, f"_{kind}")(self._label())
        if self.rng.random() < 0.1:
            made = made * 2 + 1
        self.pool.append(made)
        return made

    def _label(self):
        label = "".join(self.rng.choice(list("abxyzABXY_.$ 01é"), int(self.rng.integers(2, 9))))
        if label in self.labels:
            return self._label()
        self.labels.add(label)
        return label

    def _range(self, least, most):
        low, high = sorted(self.rng.uniform(least, most, 2))
        if high - low < 0.5:
            high = low + 0.5
        if self.rng.random() < 0.3:
            low, high = int(low), int(high) + 1
        return low, high

    def _step(self):
        return [0.1, 0.5, 1, 1.0, 2, 3][self.rng.integers(6)]

    def _uniform(self, label):
        low, high = self._range(-20, 20)
        if self.rng.random() < 0.2:
            return hp.uniform(label, high=high, low=low)
        return hp.uniform(label, low, high)

    def _loguniform(self, label):
        return hp.loguniform(label, *self._range(-12, 5))

    def _quniform(self, label):
        return hp.quniform(label, *self._range(-20, 20), self._step())

    def _qloguniform(self, label):
        return hp.qloguniform(label, *self._range(-6, 5), self._step())

    def _normal(self, label):
        return hp.normal(label, *self._mean_and_deviation(5))

    def _qnormal(self, label):
        return hp.qnormal(label, *self._mean_and_deviation(5), self._step())

    def _lognormal(self, label):
        return hp.lognormal(label, *self._mean_and_deviation(2))

    def _qlognormal(self, label):
        return hp.qlognormal(label, *self._mean_and_deviation(2), self._step())

    def _mean_and_deviation(self, widest):
        if self.rng.random() < 0.3:
            return int(self.rng.integers(-3, 4)), int(self.rng.integers(1, widest + 1))
        return self.rng.normal(), self.rng.uniform(0.05, widest)

    def _uniformint(self, label):
        low = int(self.rng.integers(-5, 5))
        return hp.uniformint(label, low, low + int(self.rng.integers(1, 40)))

    def _randint(self, label):
        return hp.randint(label, int(self.rng.integers(1, 30)))

    def _randint_from(self, label):
        low = int(self.rng.integers(-9, 9))
        return hp.randint(label, low, low + int(self.rng.integers(1, 30)))


LEAVES = (
    *("uniform", "loguniform", "quniform", "qloguniform", "uniformint"),
    *("normal", "lognormal", "qnormal", "qlognormal", "randint", "randint_from"),
)
"""Expressions without options; `randint_from` is `randint` with a lower end."""

EXPRESSIONS = (*LEAVES, "choice", "pchoice")
