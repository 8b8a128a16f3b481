"""The judge of a search's epochs: passes each epoch's loss to the search's pruner once."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

from alignsearch.search.documents import Pruning, Trial
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.states import TrialState
from alignsearch.search.pruners.pruner import make_pruner


class EpochJudge:
    """Finds the trials that should end early, from what their documents say of their epochs.

    Epochs count from 1 in the order of their numbers: an objective may report the steps 0, 100,
    200, and they are its first three epochs. A loss that is no number counts as infinite.

    Each epoch of a trial is judged once, when its loss is first seen. A trial that should end
    stays so when another worker takes it over.
    """

    def __init__(
        self, pruning: Pruning, epochs: int | None, value: Callable[[float], float] = float
    ) -> None:
        """Start without a trial; for the arguments see `make_pruner`."""
        self._pruner = make_pruner(pruning, epochs, value)
        self._epochs = epochs or LARGEST
        self._judged: defaultdict[int, int] = defaultdict(int)
        self._completed: set[int] = set()
        self._reasons: dict[int, str] = {}

    def receive(self, trials: Iterable[Trial], *, judge: bool = True) -> dict[int, str]:
        """Record changed trials, and return those that should end now.

        Args:
            trials: the changed trials.
            judge: False for epochs that ended before this driver began: their losses count, but
                the trials were allowed to go on.

        Returns:
            Why each running trial should end, by the trial's number.
        """
        ending = {}
        for trial in trials:
            self._complete(trial)
            losses = _losses(trial)
            # The last epoch isn't judged: the trial is at its end.
            for epoch in range(self._judged[trial.tid] + 1, min(len(losses) + 1, self._epochs)):
                self._judged[trial.tid] = epoch
                reason = self._pruner.judge(epoch, losses[:epoch])
                if reason is not None and judge and trial.state is TrialState.RUNNING:
                    self._reasons.setdefault(trial.tid, reason)
            if trial.state is TrialState.RUNNING and trial.tid in self._reasons:
                ending[trial.tid] = self._reasons[trial.tid]
        return ending

    def _complete(self, trial: Trial) -> None:
        """Pass on the losses of a trial that was completed with a loss, once."""
        result = trial.result
        if trial.state is not TrialState.COMPLETED or result is None or result.status != "ok":
            return
        if trial.tid not in self._completed:
            self._completed.add(trial.tid)
            self._pruner.complete(_losses(trial))


def _losses(trial: Trial) -> list[float]:
    """Return the trial's known losses in the order of their epochs."""
    known = sorted((int(epoch), loss) for epoch, loss in trial.epoch_losses.items())
    return [math.inf if math.isnan(loss) else loss for _, loss in known]
