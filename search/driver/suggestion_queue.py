"""The line of suggestions that stand ready before slots become free."""

import logging
from collections.abc import Callable, Iterable, Sequence

from alignsearch.search.documents import Observation, Pending, Search, Trial
from alignsearch.search.driver.history import History
from alignsearch.search.samplers.suggest import Suggester, suggest
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point
from alignsearch.spaces.space import SearchSpace

logger = logging.getLogger(__name__)

MAX_READY = 4
"""Suggestions kept ready at most; more would be stale before a slot takes them."""
AT_ONCE = 8
"""Trials added in one write at most, where more slots are free than suggestions are ready: the
first of them wait until the last is made."""

_FAILURES = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a sampler may raise; a search of weeks must outlive one failure of it."""


class ReadyLine:
    """Suggestions for the trials that come next, each as good as the results seen when made.

    One that has seen fewer results than there are is made anew, one at a time, and is never
    missing meanwhile.
    """

    def __init__(
        self,
        search: Search,
        space: SearchSpace,
        history: History,
        note_failure: Callable[[str], None],
    ) -> None:
        """Start with nothing ready; `note_failure` is told, in words, when the sampler fails."""
        self._search = search
        self._space = space
        self._history = history
        self._note_failure = note_failure
        self._suggester = Suggester(
            space,
            seed=search.seed,
            algo=search.algo,
            startup=search.startup,
            pending=search.pending,
        )
        self._line: list[Trial] = []

    def set_out_from(self, observations: Iterable[Observation]) -> None:
        """Learn from another search's trials."""
        for each in observations:
            self._suggester.tell(each)

    @property
    def left(self) -> int:
        """Trials of the budget that have not been added yet."""
        return self._search.trials - self._history.next_tid

    def first(self, free: int) -> list[Trial]:
        """The trials to add next for so many free slots, made now where none stand ready.

        They stay in line until `drop` says that the store has them.
        """
        self._tell()
        number = min(free, self.left, AT_ONCE)
        while len(self._line) < number:
            self._line.append(self._suggest(self._line))
        return self._line[:number]

    def drop(self, number: int) -> None:
        """Take the first `number` out of the line."""
        del self._line[:number]

    def make(self, taken: int = 0) -> bool:
        """Prepare one suggestion for a slot that becomes free, or anew one that has seen less.

        The first `taken` in line are being added already: they stay as they are, and do not count.
        Return whether there are more to prepare.
        """
        self._tell()
        current = [trial.seen == self._suggester.seen for trial in self._line[taken:]]
        place = taken + (current.index(False) if False in current else len(current))
        wanted = taken + min(MAX_READY, self._search.parallel, self.left - taken)
        if place < wanted:
            self._line[place:] = [self._suggest(self._line[:place]), *self._line[place + 1 :]]
        return place + 1 < wanted

    def _tell(self) -> None:
        for observation in self._history.fresh():
            try:
                self._suggester.tell(observation)
            except _FAILURES as error:
                self._note(f"trial {observation.tid} can't be learned from", error)

    def _note(self, what: str, error: Exception) -> None:
        logger.error("TPE failed: %s", what, exc_info=error)
        self._note_failure(f"{what}: {type(error).__name__}: {error}")

    def _suggest(self, before: Sequence[Trial]) -> Trial:
        """The suggestion that comes after those that stand in line `before` it."""
        tid = self._history.next_tid + len(before)
        pending = self._history.pending()
        pending += [Pending(trial.tid, trial.point) for trial in before]
        search = self._search
        try:
            point = self._suggester.suggest(tid, pending)
        except _FAILURES as error:
            self._note(f"trial {tid} is a random point instead", error)
            point = suggest(
                self._space, [], [], tid=tid, seed=search.seed, algo="random", startup=0
            )
        configuration = derive(self._space, to_point(self._space, point))
        return Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=configuration.model_dump(),
            point=point,
            seen=self._suggester.seen,
            resources=search.resources,
        )
