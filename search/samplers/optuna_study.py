"""An Optuna study of trials that are known, and of one that is being suggested.

Optuna's own storages keep every trial that they were given, and copy each. A suggestion needs the
finished trials as they are, beside those that run now.
"""

import copy
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

NAME = "search"
ONLY = 0
"""The study's id."""


def study_of(trials: Sequence[FrozenTrial], sampler: BaseSampler, metrics: int = 1) -> Study:
    """Return a study that minimizes so many metrics, with these trials in this order.

    Their numbers become their places. The study's first `ask` gives the trial after them.
    """
    return Study(NAME, KnownTrials(trials, metrics), sampler)


def frozen_trial(
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
    values: Sequence[float] | None,
) -> FrozenTrial:
    """Return a finished trial with a value of each metric; without any, one that is running."""
    began = datetime(1970, 1, 1)
    finished = values is not None
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.COMPLETE if finished else TrialState.RUNNING,
        value=None,
        values=values,
        datetime_start=began,
        datetime_complete=began if finished else None,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


class KnownTrials(BaseStorage):
    """A storage of one study, whose last trial alone may be changed."""

    def __init__(self, trials: Sequence[FrozenTrial], metrics: int) -> None:
        """Hold these trials, which get their places as numbers and ids."""
        self._directions = [StudyDirection.MINIMIZE] * metrics
        self._trials = list(trials)
        for number, trial in enumerate(self._trials):
            trial.number = trial._trial_id = number
        self._attrs: dict[str, Any] = {}

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the study's id."""
        return ONLY

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the study's name."""
        return NAME

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return that each metric is minimized."""
        return list(self._directions)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return nothing: the study has no attributes of users."""
        return {}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what the sampler has noted on the study."""
        return dict(self._attrs)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note what the sampler says of the study."""
        self._attrs[key] = value

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add the trial that is suggested, and return its id."""
        asked = frozen_trial({}, {}, None)
        asked.number = asked._trial_id = len(self._trials)
        self._trials.append(asked)
        return asked._trial_id

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a value of the suggested trial."""
        changed = self._changed(trial_id)
        value = distribution.to_external_repr(param_value_internal)
        changed.params = {**changed.params, param_name: value}
        changed.distributions = {**changed.distributions, param_name: distribution}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note what the sampler says of the suggested trial."""
        changed = self._changed(trial_id)
        changed.system_attrs = {**changed.system_attrs, key: value}

    def _changed(self, trial_id: int) -> FrozenTrial:
        """A copy in the trial's place: samplers hold on to what they have read."""
        changed = self._trials[trial_id] = copy.copy(self._trials[trial_id])
        return changed

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial."""
        return self._trials[trial_id]

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return all trials, or those in some states."""
        found = [each for each in self._trials if states is None or each.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        """Refuse what no sampler does while it suggests."""
        raise StorageInternalError("a sampler has changed the study of its suggestion")

    create_new_study = delete_study = get_all_studies = _refuse
    set_study_user_attr = set_trial_user_attr = _refuse
    set_trial_state_values = set_trial_intermediate_value = _refuse
