"""The judge of a search's epochs: passes each epoch's loss to the search's pruner once."""

from collections import defaultdict
from collections.abc import Iterable

from alignsearch.search.documents import Pruning, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.pruners.pruner import make_pruner


class EpochJudge:
    """Finds the trials that should end early, from what their documents say of their epochs.

    Each epoch of a trial is judged once, when its loss is first seen. A trial that should end
    stays so when another worker takes it over.
    """

    def __init__(self, pruning: Pruning, epochs: int) -> None:
        """Start without a trial; each trial trains `epochs` epochs."""
        self._pruner = make_pruner(pruning, epochs)
        self._epochs = epochs
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
            for epoch in range(self._judged[trial.tid] + 1, self._epochs):
                if str(epoch) not in trial.epoch_losses:
                    break
                self._judged[trial.tid] = epoch
                reason = self._pruner.judge(epoch, _losses(trial, epoch))
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
            self._pruner.complete(_losses(trial, self._epochs))


def _losses(trial: Trial, epochs: int) -> list[float]:
    """The trial's known losses up to epoch `epochs`, in order."""
    known = trial.epoch_losses
    return [known[str(epoch)] for epoch in range(1, epochs + 1) if str(epoch) in known]
