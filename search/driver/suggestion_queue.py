"""The suggestion queue: the next trials of a search, made before slots become free."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation, Pending, Search, Trial
from alignsearch.search.documents.errors import ForeignSearchError, StoreUnavailableError
from alignsearch.search.driver.generations import Generations
from alignsearch.search.driver.given import trial_of
from alignsearch.search.driver.history import History
from alignsearch.search.driver.prometheus import SUGGEST_SECONDS
from alignsearch.search.driver.search_sampler import plain_point, sampler_of
from alignsearch.search.driver.warm_start import sampler_seed
from alignsearch.search.samplers.sampler import (
    AlgorithmError,
    ExhaustedError,
    Sampler,
    make_sampler,
)
from alignsearch.spaces.space import SearchSpace

logger = logging.getLogger(__name__)

MOST_AHEAD = 4
"""Largest number of suggestions made before a slot is free.

Each new result makes the ones in the queue stale, so more would mostly be made in vain.
"""
MOST_AT_ONCE = 8
"""Largest number of trials added in one write.

Where more slots are free than suggestions are queued, the first ones wait until the last one is
made.
"""

MOST_DRAWS = 100
"""Largest number of random points that are drawn for a trial, of which one must have a value in all
of the space's expressions. Each takes less than a millisecond."""

_PASSED = (AlgorithmError, StoreUnavailableError, ForeignSearchError)
"""Exceptions that a sampler of the search's own process may raise, like `fmin`'s algorithm, which
reads the search's store. Those of a sampler that the search names are failures like all others."""


class SuggestionQueue:
    """The next trials of one search, suggested from the results known so far.

    With several slots, suggestions are made ahead so that a free slot doesn't wait for the sampler.
    One that was made from fewer results than are known now is replaced when there is time, one at
    a time, and is given out as it is otherwise.

    With one slot nothing is made ahead: each trial's point is made from the results of all trials
    before it, so the search repeats exactly by its seed, however fast the machine is. A search in
    generations does so with any number of slots (`search.driver.generations`).

    Points that people have given come before all suggestions.
    """

    def __init__(
        self,
        search: Search,
        space: SearchSpace,
        history: History,
        note_failure: Callable[[str], None],
        sampler: Sampler | None = None,
    ) -> None:
        """Start empty.

        note_failure: receives a message for users when the sampler fails. sampler: suggests the
        points, in place of the one that the search names; its points are not checked.

        Raises:
            StateConflictError: the sampler that the search names can't be used here.
        """
        self._search = search
        self._space = space
        self._history = history
        self._note_failure = note_failure
        self._sampler = sampler or sampler_of(search, space)
        self._is_checked = sampler is None
        self._fallback = make_sampler("random", space, seed=sampler_seed(search), startup=0)
        self._told = 0
        self._failures = 0
        self._ahead = _ahead(search)
        self._generations = Generations(search.generation, history)
        self._queue: list[Trial] = []

    def follow(self, search: Search) -> None:
        """Take over the search as it is now: its budget and its number of slots may be others."""
        ahead = _ahead(search)
        if self._ahead and not ahead:
            # From now on each point is made from all results before it.
            self._queue.clear()
        self._search, self._ahead = search, ahead

    def learn(self, observations: Iterable[Observation]) -> None:
        """Tell the sampler results that the search's own trials didn't make: a warm start's."""
        for each in observations:
            self._tell(each)

    @property
    def left(self) -> int:
        """Number of trials that may still be added: what the budget leaves, and failed ones again.

        A failed trial has spent nothing, so that it is repeated whatever is left of the budget.
        """
        left = self._budget_left
        if self._history.exhausted is not None:
            # The sampler has no point, but people may have given some.
            left = min(left, self._history.given.waiting)
        return max(left, self._history.given.retries)

    @property
    def _budget_left(self) -> int:
        return self._history.spending.left(self._search)

    def next_trials(self, free: int) -> list[Trial]:
        """Return the trials to add next for `free` slots; make those that aren't queued.

        They stay in the queue until `remove` says that the store has them: if the store doesn't
        answer, the same ones are returned again.
        """
        self._tell_new_results()
        number = max(0, min(free, self.left, MOST_AT_ONCE))
        self._put_given_first(number)
        while len(self._queue) < min(number, self._limit()):
            made = self._suggest(self._queue)
            if made is None:
                break
            self._queue.append(made)
        return self._queue[:number]

    def remove(self, number: int) -> None:
        """Remove the first `number` trials: the store has them."""
        del self._queue[:number]

    def refill(self) -> bool:
        """Add one suggestion to the queue, or replace the first one made from fewer results.

        Returns:
            Whether there is more to add or replace.
        """
        self._tell_new_results()
        self._put_given_first(self._ahead)
        # A given point is as good as it was, however many results came since.
        current = [trial.origin is not None or trial.seen == self._told for trial in self._queue]
        place = current.index(False) if False in current else len(current)
        wanted = min(self._ahead, self._limit())
        if place < wanted:
            made = self._suggest(self._queue[:place])
            if made is None:
                return False
            self._queue[place:] = [made, *self._queue[place + 1 :]]
        return place + 1 < wanted

    def _limit(self) -> int:
        """Longest queue that the budget allows; retries of failed trials come on top of it."""
        given = sum(trial.origin is not None for trial in self._queue)
        return max(given, self._budget_left)

    def _put_given_first(self, most: int) -> None:
        """Put up to `most` given points at the queue's head, and drop what no longer follows.

        A suggestion depends on its trial's number, so those that get another one are made anew.
        """
        first = self._history.next_tid
        given = self._history.given.to_try(self._budget_left, most)
        numbers = [trial.origin.number for trial in self._queue if trial.origin is not None]
        # Results from elsewhere and other processes' trials take numbers, too.
        follows = not self._queue or self._queue[0].tid >= first
        if follows and numbers[:most] == [point.number for point in given]:
            return
        self._queue = []
        for point in given:
            try:
                self._queue.append(
                    trial_of(
                        self._search,
                        self._space,
                        point,
                        tid=first + len(self._queue),
                        seen=self._told,
                    )
                )
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                self._history.given.drop(point.number)
                self._note_failure(f"the given point {point.number} is left out: {_named(error)}")

    def _tell_new_results(self) -> None:
        for observation in self._generations.due():
            self._tell(observation)

    def _tell(self, observation: Observation) -> None:
        try:
            self._sampler.tell(observation)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._note(f"the result of trial {observation.tid} is left out", error)
        else:
            self._told += 1

    def _note(self, what: str, error: BaseException) -> None:
        """Log a failure of the sampler; note the 1st, the 2nd, the 4th and so on for people.

        A sampler that fails at every trial would fill the search's events.
        """
        logger.error("the sampler failed: %s", what, exc_info=error)
        self._failures += 1
        if self._failures.bit_count() == 1:
            before = "" if self._failures == 1 else f" (failure {self._failures} of the sampler)"
            self._note_failure(f"{what}: {_named(error)}{before}")

    def _suggest(self, before: Sequence[Trial]) -> Trial | None:
        """Make the trial that comes after those `before` it in the queue; None if there is none."""
        tid = self._history.next_tid + len(before)
        if self._generations.must_wait(tid, before):
            return None
        pending = self._generations.pending(before)
        search = self._search
        try:
            with SUGGEST_SECONDS.time():
                point = self._sampler.suggest(tid, pending)
            if self._is_checked:
                point = plain_point(self._space, point)
            # An expression of the space, like a division, can fail at one point alone.
            config = self._space.resolve(point)
        except ExhaustedError as error:
            if not before:
                self._history.note_exhausted(str(error))
            return None
        except KeyboardInterrupt:
            raise
        # A panic of a sampler in Rust is no Exception, and a search of weeks must outlive it, too.
        except BaseException as error:
            if isinstance(error, _PASSED) and not self._is_checked:
                raise
            self._note(f"trial {tid} is a random point instead", error)
            point, config = self._random(tid, pending)
        return Trial(
            id=Trial.key(search.name, tid),
            search=search.name,
            tid=tid,
            config=config,
            point=point,
            seen=self._told,
            resources=search.resources,
        )

    def _random(self, tid: int, pending: Sequence[Pending]) -> tuple[dict[str, float | int], Any]:
        """A random point and its configuration.

        Raises:
            ConfigurationError: an expression of the space had no value at each of many points.
        """
        for draw in range(MOST_DRAWS):
            # Beyond the numbers of trials, so that no other trial draws the same points.
            point = self._fallback.suggest(tid + (draw << 32), pending)
            try:
                return point, self._space.resolve(point)
            except ConfigurationError as error:
                failed = error
        raise failed


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _ahead(search: Search) -> int:
    """Return how many suggestions are made before slots are free."""
    return 0 if search.parallel == 1 else min(MOST_AHEAD, search.parallel)
