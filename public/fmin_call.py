"""One call of HyperOpt's `fmin`, carried out by a driver of this process on a stored search."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import hyperopt
from hyperopt import progress
from ray import cloudpickle

from alignsearch.driving import drive_to_end, make_driver
from alignsearch.driving_here import Here, driving_here
from alignsearch.fmin_run import (
    Algorithm,
    AlgorithmSampler,
    Rules,
    Seeds,
    Watch,
    ended_in,
)
from alignsearch.names import whoami
from alignsearch.search.documents import Search, Trial, is_driven, space_of
from alignsearch.search.documents.errors import ObjectiveError, StateConflictError
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.samplers.sampler import AlgorithmError
from alignsearch.search.store import Store
from alignsearch.terminal import VisibleConsole
from alignsearch.wiring import reviver

if TYPE_CHECKING:
    from alignsearch.search.driver.driver import Driver


@dataclass
class Shown:
    """The display of a call's progress, as `fmin`'s arguments ask for it.

    Attributes:
        bar: True for HyperOpt's progress bar, False for none, or a context manager like it.
        file: the file into which the trials are pickled after each end; empty for none.
    """

    bar: Any
    file: str
    _context: Any = field(default=None, init=False)
    _number: int = field(default=0, init=False)

    @contextmanager
    def running(self, number: int, total: int) -> Iterator[None]:
        """Show that so many of all trials have ended."""
        callbacks = {True: progress.default_callback, False: progress.no_progress_callback}
        make = callbacks[self.bar] if isinstance(self.bar, bool) else self.bar
        self._number = number
        with make(initial=number, total=total) as self._context:
            yield

    def update(self, trials: hyperopt.Trials, number: int, best: float) -> None:
        """Show that so many trials have ended, and the lowest loss."""
        if number > self._number:
            self._context.postfix = f"best loss: {best}"
            self._context.update(number - self._number)
            self._number = number
        if self.file:
            with open(self.file, "wb") as out:
                cloudpickle.dump(trials, out)


@dataclass
class FminCall:
    """A call of `fmin`.

    Attributes:
        store: the store.
        named_store: its URI; None for this folder's embedded one.
        ray: address of a Ray cluster's head; None for the environment's, or this machine.
        search: the search.
        trials: the search's trials.
        domain: HyperOpt's domain of function and space.
        payload: the domain as workers get it.
        algo: suggests the points.
        rules: when the call ends, beside its budget.
        budget: number of trials, those of earlier calls included.
        points: the first points of a new search.
        seeds: the seed of each suggestion.
        shown: what is shown of the progress.
    """

    store: Store
    named_store: str | None
    ray: str | None
    search: Search
    trials: hyperopt.Trials
    domain: Any
    payload: bytes
    algo: Algorithm
    rules: Rules
    budget: int
    points: Sequence[dict[str, float | int]]
    seeds: Seeds
    shown: Shown

    def run(self) -> None:
        """Make all trials up to the budget, or until a rule ends the call.

        Raises:
            ObjectiveError: a trial has raised an error that the call doesn't catch.
            KeyboardInterrupt: the process was interrupted.
        """
        watch = Watch(self.trials, self.rules)
        if watch.is_over or (watch.ended == self._number >= self.budget):
            return
        with (
            driving_here(self.store, self.search.name, self.named_store, self.ray) as here,
            self.shown.running(watch.ended, self.budget),
        ):
            self._extend()
            self._add_points()
            outcome = self._drive(here, watch)
        self.trials.refresh()
        if watch.failed is not None:
            raise _error_of(self.search.name, watch.failed)
        if outcome == "interrupted":
            raise KeyboardInterrupt

    @property
    def _number(self) -> int:
        """Number of trials that the search has, in whatever state."""
        return len(self.trials._dynamic_trials)

    def _extend(self) -> None:
        """Set the search's budget to this call's, and let the search go on if it is over.

        Raises:
            StateConflictError: it was cancelled, or another process drives it by its own function.
        """
        search = self.search
        trials = max(self.budget, self._number)
        over = search.status in TERMINAL_SEARCH_STATUSES
        if not (over or search.stop_requested or search.trials != trials):
            return
        if is_driven(search, self.store.now()):
            driver = search.driver.owner if search.driver else "another process"
            raise StateConflictError(
                f"search {search.name!r} can't get another budget while {driver} drives it: end "
                "that first"
            )
        detail = f"trials {trials}"
        self.store.searches.extend(search.name, {"trials": trials}, whoami(), detail=detail)

    def _add_points(self) -> None:
        """Queue the points to evaluate that the search doesn't have yet."""
        search = self.search
        space = space_of(search)
        known = self._number
        new = [
            Trial(
                id=Trial.key(search.name, tid),
                search=search.name,
                tid=tid,
                config=space.resolve(point),
                point=point,
                resources=search.resources,
            )
            for tid, point in list(enumerate(self.points))[known:]
        ]
        if new:
            self.store.trials.add_many(new)

    def _drive(self, here: Here, watch: Watch) -> str:
        store, name = self.store, self.search.name
        sampler = AlgorithmSampler(self.algo, self.domain, self.trials, self.seeds)
        noted, ended = False, -1
        driver: Driver

        def allotted() -> int:
            """Follow the ends; allow no slot once the call is to end."""
            nonlocal noted, ended
            now = ended_in(driver.history)
            if now != ended:
                ended = now
                watch.learn()
                self.shown.update(self.trials, watch.ended, watch.best)
            if not watch.is_over:
                return driver.search.parallel
            if watch.failed is not None:
                here.interrupt.set()
            elif not noted:
                store.searches.request_stop(name, whoami())
                noted = True
            return 0

        def make() -> "Driver":
            nonlocal driver, ended
            driver = make_driver(
                store,
                here.uri,
                name,
                reviver(self.named_store),
                allotted,
                objective=self.payload,
                sampler=sampler,
            )
            ended = -1
            return driver

        try:
            return drive_to_end(
                store, name, make, here.interrupt, VisibleConsole(quiet=True), here.look_after
            )
        except AlgorithmError as error:
            raise (error.__cause__ or error) from None


def _error_of(name: str, document: Mapping[str, Any]) -> ObjectiveError:
    raised = document["misc"]["error"][1]
    return ObjectiveError(
        f"trial {document['tid']} of search {name!r} failed: {last_line(raised)}. Running this "
        "again goes on with the next trial; catch_eval_exceptions=True goes on by itself. On its "
        f"worker:\n{raised}"
    )
