"""The results of one rule's searches, as the store has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from alignment_core.training.disturbances import DISTURBANCES
from alignsearch.experiments.step_costs import Cost
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.divergence import has_diverged
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.best import best_trial
from alignsearch.search.reports.fresh_seeds import fresh_seeds
from alignsearch.search.reports.means import Mean, mean_of
from alignsearch.search.store import Store
from alignsearch.search.use_cases.compared_rules import FINAL, noisy
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.distributions import Value

NEAR = 0.01
"""A configuration is near the best if its error is at most so much above: one point."""


@dataclass(frozen=True)
class Layer:
    """Means over seeds of one layer's measurements after the last epoch; None if not measured."""

    name: str
    angle: float | None
    norm_ratio: float | None
    gradient_angle: float | None
    sign_agreement: float | None


@dataclass(frozen=True)
class RuleResult:
    """Results of one rule on one task.

    Attributes:
        rule: the rule, as it was asked for.
        name: its name in the field.
        dimensions: number of metaparameters that were searched.
        search: name of its search.
        epochs: epochs of each training.
        losses: validation error of each configuration; None if it diverged or has no result.
        diverged: number of configurations that diverged.
        hours: hours that slots were busy with the search and its repetitions.
        configuration: the named configuration; empty if every one diverged.
        errors: its error for each fresh seed; a run that diverged counts as guessing.
        lost: number of these runs that diverged.
        missing: number of these runs without a result.
        noisy: mean error by variance of the noise in updates.
        robust: mean error by the name of a disturbance of the trained network
            (`alignment_core.training.disturbances`); a run that diverged counts as guessing.
        layers: measurements of each layer with a backward kernel.
        shares: importance of each metaparameter for the error, the largest first.
        searches: names of all searches.
        cost: cost of its step beside that of the first rule that has one; None if not measured.
    """

    rule: str
    name: str
    dimensions: int
    search: str
    epochs: int
    losses: Sequence[float | None]
    diverged: int
    hours: float
    configuration: Mapping[str, Value] = field(default_factory=dict)
    errors: Sequence[float] = ()
    lost: int = 0
    missing: int = 0
    noisy: Mapping[float, Mean] = field(default_factory=dict)
    robust: Mapping[str, Mean] = field(default_factory=dict)
    layers: Sequence[Layer] = ()
    shares: Sequence[tuple[str, float]] = ()
    searches: Sequence[str] = ()
    cost: Cost | None = None

    @property
    def error(self) -> Mean:
        """Mean error over the fresh seeds."""
        return mean_of(self.errors)

    @property
    def diverged_everywhere(self) -> bool:
        """True if no configuration has an error, so that none was trained on fresh seeds."""
        return not self.configuration

    @property
    def near(self) -> float | None:
        """Share of configurations whose error is at most one point above the best one's."""
        known = [loss for loss in self.losses if loss is not None]
        if not known:
            return None
        return sum(loss <= min(known) + NEAR for loss in known) / len(self.losses)


def has_best(store: Store, name: str) -> bool:
    """Return whether a finished search names a best trial: False if every one diverged."""
    try:
        best_trial(store, name)
    except StateConflictError:
        return False
    return True


def read(
    store: Store,
    rule: str,
    definition: Definition,
    name: str,
    runs: Mapping[str, str],
    variances: Sequence[float],
) -> RuleResult:
    """Return a rule's results.

    Args:
        store: holds its searches.
        rule: the rule, as it was asked for.
        definition: the rule's definition.
        name: name of its search.
        runs: names of the searches that trained its best configuration again, by what for
            (`compared_rules.FINAL`, `compared_rules.noisy`); empty if every configuration diverged.
        variances: variances of the noise in updates.
    """
    search = store.searches.get(name)
    trials = store.trials.all_readable(name)
    own = [trial for trial in trials if not trial.is_confirmation]
    result = RuleResult(
        rule=rule,
        name=definition.heading,
        dimensions=len(definition.space.sampled),
        search=name,
        epochs=search.training.epochs,
        losses=_losses(own),
        diverged=sum(has_diverged(trial) for trial in own),
        hours=sum(trial.seconds or 0.0 for trial in trials) / 3600,
        shares=_shares(search, definition, own),
        searches=(name, *runs.values()),
    )
    if not runs:
        return result
    final = store.trials.all_readable(runs[FINAL])
    seeds = fresh_seeds(final)
    return replace(
        result,
        configuration=dict(best_trial(store, name)[1].config),
        errors=seeds.errors,
        lost=seeds.diverged,
        missing=seeds.missing,
        noisy={each: _mean(store.trials.all_readable(runs[noisy(each)])) for each in variances},
        robust=_robust(final),
        layers=_layers(store, final),
    )


def _mean(trials: Sequence[Trial]) -> Mean:
    return mean_of(fresh_seeds(trials).errors)


def _robust(trials: Sequence[Trial]) -> dict[str, Mean]:
    found = {}
    for each in DISTURBANCES:
        errors = [_disturbed_error(trial, each.name) for trial in trials]
        known = [error for error in errors if error is not None]
        if known:
            found[each.name] = mean_of(known)
    return found


def _disturbed_error(trial: Trial, disturbance: str) -> float | None:
    # A mean over the others alone would praise a rule for the networks that it has lost.
    if has_diverged(trial):
        return trial.chance
    return None if trial.result is None else trial.result.metrics.get(disturbance)


def _layers(store: Store, trials: Sequence[Trial]) -> list[Layer]:
    measured: dict[str, list[object]] = {}
    for trial in trials:
        epochs = store.logs.epochs(trial.id)
        if has_diverged(trial) or not epochs:
            continue
        for layer in epochs[-1].layers:
            measured.setdefault(layer.name, []).append(layer)
    return [
        Layer(
            name,
            *(
                _finite_mean([getattr(layer, each) for layer in layers])
                for each in ("angle", "norm_ratio", "gradient_angle", "sign_agreement")
            ),
        )
        for name, layers in measured.items()
    ]


def _finite_mean(values: Sequence[float | None]) -> float | None:
    # A direct rule has no kernels to compare, and NaN in their place.
    return mean_of([value for value in values if value is not None and isfinite(value)]).mean


def _losses(trials: Sequence[Trial]) -> list[float | None]:
    return [trial.loss if trial.state is TrialState.COMPLETED else None for trial in trials]


def _shares(
    search: Search, definition: Definition, trials: Sequence[Trial]
) -> list[tuple[str, float]]:
    from alignsearch.search.reports.importance import importance

    losses = _losses(trials)
    points = [trial.point for trial in trials]
    try:
        found = importance(definition.space, points, losses, seed=search.seed)
    except StateConflictError:
        return []
    return [(each.metaparameter, each.share) for each in found.shares]
