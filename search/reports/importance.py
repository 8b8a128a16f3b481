"""Importance of metaparameters for a search's score: as in the paper's Fig. S2, and by fANOVA.

Both take the trials' values and a loss for each, None for a trial that diverged, failed or still
runs; such trials are ignored. The score is the objective metric's: the accuracy of a training.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.observation import Point
from alignsearch.spaces.conditions import Conditions
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.places import place
from alignsearch.spaces.space import SearchSpace

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

Floats = NDArray[np.float64]
Configurations = Sequence[Mapping[str, Value]]
Losses = Sequence[float | None]

LEAST_SCORES = 10
"""The fewest trials with a loss that importance is computed from; fewer are mostly noise."""
LEAST_ACTIVE = 4
"""The fewest trials with a loss from which a dimension's share is computed that others lack."""
MOST_SCORES = 10_000
"""Limits the trials that the forest is fitted to, for speed; more are subsampled evenly."""
TREES = 64
DEPTH = 64


@dataclass(frozen=True)
class ValueScore:
    """The scores of the configurations that give a question the same answer.

    Attributes:
        value: the answer.
        trials: number of these configurations.
        mean: mean score; None without a trial.
        sem: standard error of the mean, s / sqrt(n) with the sample's deviation s; None with
            fewer than two trials.
    """

    value: bool
    trials: int
    mean: float | None
    sem: float | None


@dataclass(frozen=True)
class CategoricalEffect:
    """The effect of one categorical metaparameter (Kunin et al. 2020, App. B.4).

    Attributes:
        label: A to I, as in Fig. S2.
        metaparameter: field of a configuration that answers the question.
        question: the question, in the words of Fig. S2.
        no, yes: scores by the answer.
        difference: mean score of yes minus that of no, whose size is the importance; None if one
            of them has no trial.
    """

    label: str
    metaparameter: str
    question: str
    no: ValueScore
    yes: ValueScore
    difference: float | None


@dataclass(frozen=True)
class Share:
    """The share of the score's variance that one metaparameter explains, from 0 to 1.

    metaparameter: label of the dimension. share: mean over the forest's trees. deviation: standard
    deviation over the trees.
    """

    metaparameter: str
    share: float
    deviation: float


@dataclass(frozen=True)
class Importance:
    """The shares of all metaparameters, the largest first; interactions explain the rest.

    trials: number of trials that the forest was fitted to. scored: number of trials with a loss.
    """

    shares: tuple[Share, ...]
    trials: int
    scored: int


@dataclass(frozen=True)
class _Question:
    label: str
    metaparameter: str
    text: str
    is_yes: Callable[[Any], bool] = bool


# App. B.1's searches always use noise, so B has one answer and no difference there.
_QUESTIONS = (
    _Question("A", "bo_fwl2n", "L2-normalize the backward path's outputs across features"),
    _Question("B", "sigma", "Gaussian noise as the backward pass's input", lambda s: s > 0),
    _Question(
        "C", "delay_epochs", "Only the alignment loss in the first 1-2 epochs", lambda de: de > 0
    ),
    _Question("D", "bo_relu", "Non-linearity on the backward path's outputs"),
    _Question("E", "fo_relu", "Non-linearity on the forward path's outputs"),
    _Question("F", "fo_bias", "Bias on the forward path's outputs"),
    _Question("G", "bi_fwmc", "Mean-center the backward pass's inputs across features"),
    _Question("H", "bi_fwl2n", "L2-normalize the backward pass's inputs across features"),
    _Question("I", "fo_fwl2n", "L2-normalize the forward path's outputs across features"),
)


def categorical_effects(
    configurations: Configurations, losses: Losses
) -> tuple[CategoricalEffect, ...]:
    """Return the effects A to I of Kunin et al. 2020, Fig. S2 (App. B.4), the largest first.

    configurations: of Table 5, by field of `spaces.configuration.Configuration`.

    They are sorted by the size of the difference between the two mean scores, because the appendix
    doesn't say what its figure is sorted by. Effects with one answer only come last, by label.

    Raises:
        StateConflictError: fewer than `LEAST_SCORES` have a loss.
    """
    scored, scores = _scored(configurations, losses, DEFAULT_METRIC)
    effects = [_effect(question, scored, scores) for question in _QUESTIONS]
    return tuple(
        sorted(effects, key=lambda e: math.inf if e.difference is None else -abs(e.difference))
    )


def importance(
    space: SearchSpace,
    points: Sequence[Point],
    losses: Losses,
    *,
    metric: ObjectiveMetric = DEFAULT_METRIC,
    seed: int = 0,
) -> Importance:
    """Functional ANOVA over all dimensions of a space (Hutter et al. 2014).

    A random forest, the same for the same seed, is fitted to the scores. A metaparameter's share
    is the variance, over its own distribution, of the forest's mean over all others, as a part of
    the forest's variance over the space. A log-uniform one is uniform in its logarithm, and each
    option of a choice weighs as much as it is likely. All shares are 0 where all scores are equal.

    Trials that a dimension's choices leave without it say nothing about it. Its share comes from a
    forest over the other trials alone. It counts as much as these trials' own part of all scores'
    sum of squares is, so that the shares of all dimensions are parts of one variance. A dimension
    that fewer than `LEAST_ACTIVE` trials have has no share.

    A forest knows most where most trials lie: after TPE, around the good ones.

    Args:
        space: the search's space.
        points: HyperOpt's value of each active dimension, of each trial.
        losses: the loss of each trial, as it is stored; None without one.
        metric: the search's metric, whose score is explained.
        seed: random seed of the forest.

    Raises:
        StateConflictError: fewer than `LEAST_SCORES` have a loss.
    """
    scored, scores = _scored(points, losses, metric)
    taken = np.unique(np.linspace(0, len(scored) - 1, min(len(scored), MOST_SCORES)).round())
    rows = [int(row) for row in taken]
    known = _Trials([scored[row] for row in rows], scores[rows], seed)
    shares = []
    for dimensions in _active_together(space):
        part = known.having(dimensions)
        if len(part.points) >= (LEAST_ACTIVE if dimensions[0].conditional else 1):
            within = part.sum_of_squares() / (known.sum_of_squares() or 1.0)
            of_trees = part.forest_shares(space.sampled)
            shares += [
                Share(
                    each.name,
                    within * float(of_trees[each.name].mean()),
                    within * float(of_trees[each.name].std()),
                )
                for each in dimensions
            ]
    return Importance(
        shares=tuple(sorted(shares, key=lambda each: -each.share)),
        trials=len(rows),
        scored=len(scored),
    )


def _active_together(space: SearchSpace) -> list[list[Metaparameter]]:
    """The dimensions, those together that the same choices lead to."""
    found: dict[Conditions, list[Metaparameter]] = {}
    for each in space.sampled:
        found.setdefault(each.conditions, []).append(each)
    return list(found.values())


@dataclass(frozen=True)
class _Trials:
    """Points and scores of the trials that a forest is fitted to."""

    points: Sequence[Mapping[str, Any]]
    scores: Floats
    seed: int

    def having(self, dimensions: Sequence[Metaparameter]) -> "_Trials":
        """The trials in which these dimensions are active."""
        names = {each.name for each in dimensions}
        rows = [at for at, point in enumerate(self.points) if names <= point.keys()]
        return _Trials([self.points[row] for row in rows], self.scores[rows], self.seed)

    def sum_of_squares(self) -> float:
        """The sum of the scores' squared distances from their mean."""
        return float(((self.scores - self.scores.mean()) ** 2).sum())

    def forest_shares(self, sampled: Sequence[Metaparameter]) -> dict[str, Floats]:
        """Each dimension's parts of a forest's variance, one a tree.

        A dimension that only some of these trials have makes no difference in the others. The
        forest learns this from a random place that it gets there.
        """
        # Importing it takes a second.
        from sklearn.ensemble import RandomForestRegressor

        seen = [each for each in sampled if any(each.name in point for point in self.points)]
        rng = np.random.default_rng(self.seed)
        units = np.column_stack([_places(each, self.points, rng) for each in seen])
        forest = RandomForestRegressor(n_estimators=TREES, max_depth=DEPTH, random_state=self.seed)
        forest.fit(units, self.scores)
        parts = [_tree_shares(tree, len(seen)) for tree in forest.estimators_]
        known = np.array([part for part in parts if part is not None] or [np.zeros(len(seen))])
        return dict(zip((each.name for each in seen), known.T, strict=True))


def _scored(
    trials: Configurations, losses: Losses, metric: ObjectiveMetric
) -> tuple[Configurations, Floats]:
    """The trials that have a loss, and their scores."""
    pairs = [
        (each, metric.score(loss))
        for each, loss in zip(trials, losses, strict=True)
        if loss is not None and math.isfinite(loss)
    ]
    if len(pairs) < LEAST_SCORES:
        raise StateConflictError(
            f"importance needs at least {LEAST_SCORES} trials that finished with a loss, and "
            f"there are {len(pairs)}: ask again when more have finished"
        )
    return [each for each, _ in pairs], np.array([score for _, score in pairs])


def answers_yes(metaparameter: str, value: Value) -> bool:
    """Return whether a value answers the question of Fig. S2 about its metaparameter with yes.

    metaparameter: as `CategoricalEffect` names it.
    """
    return next(each for each in _QUESTIONS if each.metaparameter == metaparameter).is_yes(value)


def _effect(question: _Question, scored: Configurations, scores: Floats) -> CategoricalEffect:
    is_yes = np.array([question.is_yes(each[question.metaparameter]) for each in scored])
    no = _value_score(value=False, scores=scores[~is_yes])
    yes = _value_score(value=True, scores=scores[is_yes])
    return CategoricalEffect(
        label=question.label,
        metaparameter=question.metaparameter,
        question=question.text,
        no=no,
        yes=yes,
        difference=None if no.mean is None or yes.mean is None else yes.mean - no.mean,
    )


def _value_score(*, value: bool, scores: Floats) -> ValueScore:
    n = len(scores)
    return ValueScore(
        value=value,
        trials=n,
        mean=float(scores.mean()) if n else None,
        sem=float(scores.std(ddof=1)) / math.sqrt(n) if n > 1 else None,
    )


def _places(
    dimension: Metaparameter, points: Sequence[Mapping[str, Any]], rng: np.random.Generator
) -> Floats:
    """The points' places in one dimension, where it is uniform on [0, 1]."""
    known: list[Any] = [point.get(dimension.name) for point in points]
    return np.array(
        [rng.random() if each is None else place(dimension.distribution, each) for each in known]
    )


def _tree_shares(estimator: "DecisionTreeRegressor", features: int) -> Floats | None:
    """Each feature's part of one tree's variance over the unit cube; None if it is constant."""
    tree = estimator.tree_
    low, high = _boxes(tree, features)
    leaves = tree.children_left < 0
    low, high = low[leaves], high[leaves]
    values = tree.value[leaves, 0, 0]
    sides = high - low
    volumes = sides.prod(axis=1)
    mean = volumes @ values
    variance = volumes @ (values - mean) ** 2
    if variance <= 0:
        return None
    return np.array(
        [
            _marginal_variance(low[:, at], high[:, at], (values - mean) * volumes / sides[:, at])
            for at in range(features)
        ]
    ) / float(variance)


def _boxes(tree: Any, features: int) -> tuple[Floats, Floats]:
    """The lower and upper corners of every node's box, a row a node."""
    low = np.zeros((tree.node_count, features))
    high = np.ones((tree.node_count, features))
    parents = np.zeros(1, dtype=np.intp)
    while len(parents := parents[tree.children_left[parents] >= 0]):
        left, right = tree.children_left[parents], tree.children_right[parents]
        for children in (left, right):
            low[children], high[children] = low[parents], high[parents]
        split, threshold = tree.feature[parents], tree.threshold[parents]
        high[left, split] = threshold
        low[right, split] = threshold
        parents = np.concatenate([left, right])
    return low, high


def _marginal_variance(low: Floats, high: Floats, heights: Floats) -> float:
    """The variance over [0, 1] of a sum of steps, each `heights` from `low` to `high`.

    The steps are centred: their sum has mean 0.
    """
    places, at = np.unique(np.concatenate([low, high]), return_inverse=True)
    changes = np.bincount(at, weights=np.concatenate([heights, -heights]))
    return float(np.diff(places) @ np.cumsum(changes)[:-1] ** 2)
