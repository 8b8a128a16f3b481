"""A search as a study in a storage of Optuna's, which every tool of Optuna reads."""

import importlib.util
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import (
    Search,
    Trial,
    is_list_of_runs,
    known_space_of,
    metrics_of,
    values_of,
)
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.use_cases.giving import counted
from alignsearch.spaces.distributions import LogUniform, QLogUniform, RandInt, Value
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.tree import plain_text

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

IDENTITY, NUMBER = "alignsearch", "alignsearch_trial"
"""Attributes of users that the study and its trials get: the search's identity, and its number."""

ENDED = (TrialState.COMPLETED, TrialState.PRUNED, TrialState.FAILED)


@dataclass(frozen=True)
class Exported:
    """The study that a search was written to.

    Attributes:
        study: its name.
        new: trials that were added.
        before: trials that were there before.
        left_out: what the study doesn't have, in words.
    """

    study: str
    new: int
    before: int
    left_out: Sequence[str]


def export_optuna(store: Store, name: str, url: str, study: str | None = None) -> Exported:
    """Add the search's ended trials to a study of Optuna's; those that it has are left as they are.

    The objectives are the search's metrics, in their own directions. A parameter is a dimension by
    its label, with its options by their names. A training that diverged is a failed trial: Optuna
    has no other for a result without a number. Values after each epoch are intermediate values, if
    there is one metric.

    Args:
        store: holds the search.
        name: the search's name.
        url: the storage, as Optuna takes it: `sqlite:///FILE`, or another database of SQLAlchemy's.
        study: the study's name; the search's by default.

    Raises:
        ConfigurationError: Optuna isn't installed, the storage can't be used, or it has a study of
            this name that is none of this search.
        UnknownNameError: there is no such search.
    """
    if importlib.util.find_spec("optuna") is None:
        raise ConfigurationError(
            "an export to Optuna needs optuna, not installed here: "
            "pip install 'alignsearch[optuna]'"
        )
    search = store.searches.get(name)
    kept = _study_at(url, study or name, search)
    there = {trial.user_attrs.get(NUMBER) for trial in kept.get_trials(deepcopy=False)}
    trials = store.trials.all_readable(name)
    own = [trial for trial in trials if trial.state in ENDED and not trial.is_confirmation]
    space = None if is_list_of_runs(search) else known_space_of(search)
    dimensions = {} if space is None else {each.name: each for each in space.sampled}
    distributions = _distributions(search, dimensions, own)
    new = [trial for trial in own if trial.tid not in there]
    kept.add_trials(
        [
            _frozen(store, search, trial, _params(search, dimensions, trial), distributions)
            for trial in new
        ]
    )
    return Exported(kept.study_name, len(new), len(own) - len(new), list(_left_out(trials)))


def _without_password(url: str) -> str:
    """Return the address as messages may have it."""
    return re.sub(r"(//[^/@]*?:)[^/]*(@)", r"\1…\2", url)


def _study_at(url: str, name: str, search: Search) -> "Study":
    import optuna

    shown = _without_password(url)
    if re.fullmatch(r"sqlite(\+\w+)?://(/(:memory:)?)?(\?.*)?", url):
        raise ConfigurationError(
            f"{shown} is no file: the study would end with this command; write sqlite:///FILE"
        )
    optuna_log = logging.getLogger("optuna")
    before = optuna_log.level
    # Optuna tells each study that it makes on standard error.
    optuna_log.setLevel(logging.ERROR)
    directions = [metric.direction for metric in metrics_of(search)]
    identity = str(search.identity)
    try:
        storage = optuna.storages.RDBStorage(url)
        study = optuna.create_study(
            storage=storage, study_name=name, directions=directions, load_if_exists=True
        )
        known = study.user_attrs.get(IDENTITY)
        if known is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(IDENTITY, identity)
            known = identity
        found = [direction.name.lower() for direction in study.directions]
    # SQLAlchemy and each database's driver have errors of their own.
    except Exception as error:
        why = str(error).strip().partition("\n")[0].replace(url, shown)
        raise ConfigurationError(
            f"{shown} can't be used as a storage of Optuna's: {why}; a file is sqlite:///FILE"
        ) from error
    finally:
        optuna_log.setLevel(before)
    if known != identity or found != directions:
        raise ConfigurationError(
            f"{shown} has a study named {name!r} of something else: choose another --study"
        )
    return study


def _frozen(
    store: Store,
    search: Search,
    trial: Trial,
    params: dict[str, Any],
    distributions: "dict[str, BaseDistribution]",
) -> "FrozenTrial":
    import optuna

    values = _values(search, trial)
    if trial.state is TrialState.PRUNED:
        state = optuna.trial.TrialState.PRUNED
    else:
        state = optuna.trial.TrialState.FAIL if values is None else optuna.trial.TrialState.COMPLETE
    ended = _naive(trial.timings.get("finished") or search.updated_at)
    frozen = optuna.trial.FrozenTrial(
        number=trial.tid,
        trial_id=-1,
        state=state,
        value=None,
        values=values,
        datetime_start=_naive(trial.timings.get("started")) or ended,
        datetime_complete=ended,
        params=params,
        distributions={label: distributions[label] for label in params},
        user_attrs={NUMBER: trial.tid, **_notes(trial)},
        system_attrs={},
        intermediate_values=_steps(store, search, trial),
    )
    if search.constraints:
        # Optuna takes a number above 0 for a constraint that is broken.
        frozen.set_constraint("violation", trial.violation)
    return frozen


def _values(search: Search, trial: Trial) -> list[float] | None:
    """Return the value of each metric; None where one of them has none."""
    result = trial.result
    if trial.state is TrialState.FAILED or result is None or result.loss is None:
        return None
    first, *further = metrics_of(search)
    values = [first.value(result.loss), *(result.metrics.get(each.name) for each in further)]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _steps(store: Store, search: Search, trial: Trial) -> dict[int, float]:
    first, *further = metrics_of(search)
    if further or not trial.attempt:
        return {}
    told = [each for each in store.logs.epochs(trial.id) if each.attempt == trial.attempt]
    steps = {each.epoch: first.of_epoch(each) for each in told}
    return {number: value for number, value in steps.items() if value is not None}


def _notes(trial: Trial) -> dict[str, str]:
    """Return what else there is to say of a trial, by name."""
    why = trial.error or (trial.result.reason if trial.result else None)
    notes = {"why": why, "origin": str(trial.origin) if trial.origin else None}
    return {name: text for name, text in notes.items() if text}


def _left_out(trials: Sequence[Trial]) -> Iterator[str]:
    repeated = sum(trial.is_confirmation for trial in trials)
    if repeated:
        yield f"{counted(repeated, 'repetition')} of others"
    others = Counter(
        trial.state.value
        for trial in trials
        if trial.state not in ENDED and not trial.is_confirmation
    )
    for state, number in sorted(others.items()):
        yield f"{number} {state}"


def _distributions(
    search: Search, dimensions: Mapping[str, Metaparameter], trials: Sequence[Trial]
) -> "dict[str, BaseDistribution]":
    """Return Optuna's distribution of each dimension that a trial has.

    dimensions: those of the search's space, by label. A range without ends is as wide as the values
    that there are.
    """
    seen: dict[str, list[Any]] = {}
    for trial in trials:
        for label, value in _params(search, dimensions, trial).items():
            seen.setdefault(label, []).append(value)
    return {label: _distribution(dimensions.get(label), values) for label, values in seen.items()}


def _params(
    search: Search, dimensions: Mapping[str, Metaparameter], trial: Trial
) -> dict[str, Any]:
    """Return a trial's value of each dimension, as Optuna has it."""
    return {
        label: _named(dimensions.get(label), value)
        for label, value in values_of(search, trial).items()
    }


def _named(dimension: Metaparameter | None, value: Value) -> Any:
    """Return a value; an option that equals another one, as 1 and True do, is its text."""
    kind = None if dimension is None else dimension.distribution
    options = [_plain(each) for each in getattr(kind, "options", ())]
    return plain_text(value) if len(set(options)) < len(options) else _plain(value)


def _distribution(dimension: Metaparameter | None, seen: list[Any]) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    kind = None if dimension is None else dimension.distribution
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in seen)
    if not numbers or (kind is not None and kind.is_categorical):
        options = [_named(dimension, each) for each in getattr(kind, "options", ())]
        return CategoricalDistribution(list(dict.fromkeys([*options, *seen])))
    low, high = min(seen), max(seen)
    if kind is not None and kind.ends is not None:
        low, high = min(low, *kind.ends), max(high, *kind.ends)
    if isinstance(kind, RandInt) or (dimension is not None and dimension.integer):
        return IntDistribution(int(low), int(high))
    is_log = isinstance(kind, LogUniform | QLogUniform) and low > 0
    return FloatDistribution(float(low), float(high), log=is_log)


def _plain(value: Value | Any) -> Any:
    """Return a value that Optuna's categories can be."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _naive(moment: datetime | None) -> datetime | None:
    """Return the time as Optuna stores it: UTC, and no time zone."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
