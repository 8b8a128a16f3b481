"""One search of a store, as a Python program holds it: read, steered, waited for and driven."""

import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from alignsearch.driving_here import drive_here
from alignsearch.handle_best import BestVerbs
from alignsearch.handle_budget import BudgetVerbs
from alignsearch.handle_points import PointVerbs
from alignsearch.handle_whole import WholeSearchVerbs
from alignsearch.names import whoami
from alignsearch.notebook_view import NotebookView
from alignsearch.progress import panel, watch
from alignsearch.search.documents import Search, is_driven, lives_in_session
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TERMINAL_TRIAL_STATES
from alignsearch.search.store import Store
from alignsearch.search.use_cases import confirming, steering
from alignsearch.search.use_cases.summary import Summary, read_summary
from alignsearch.terminal import VisibleConsole
from alignsearch.wiring import open_store, store_named

if TYPE_CHECKING:
    import pandas as pd

    from alignsearch.asking import AskedTrial, Asker


class SearchHandle(BestVerbs, PointVerbs, BudgetVerbs, WholeSearchVerbs):
    """A search that is stored, whoever drives it. `open_search` and `Search.submit` return one.

        search = alignsearch.open_search("mirror")
        search.trials().nsmallest(5, "loss")
        search.best().config

    Every method reads the store anew. All raise StoreUnavailableError if the store doesn't answer,
    and ForeignSearchError if the search was deleted and another one has its name.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        named_store: str | None = None,
        objective: Callable[..., Any] | None = None,
    ) -> None:
        """Hold the search `name`.

        Args:
            store: an open connection, which `close` closes.
            name: the search's name.
            named_store: URI of the store as it was given; None for this folder's embedded one.
            objective: evaluates trials where no module has it.

        Raises:
            UnknownNameError: there is no such search.
        """
        self._hold(store.searches.get(name))
        self._store = store
        self._named_store = named_store
        self._objective = objective
        self._askers: list[Asker] = []
        # A notebook's user doesn't close what is no longer of use.
        self._closing = weakref.finalize(self, _close, store, self._askers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        summary = self.summary()
        search = summary.search
        return (
            f"<search {self.name}: {search.status}, {summary.finished} of {search.trials} trials>"
        )

    def _repr_html_(self) -> str:
        summary = self.summary()
        view = NotebookView()
        view.note(self._store.trials.all_readable(self._own, TERMINAL_TRIAL_STATES))
        return view.html(summary.search, panel(summary))

    def close(self) -> None:
        """Give asked trials back, and close the connection to the store."""
        self._closing()

    @property
    def search(self) -> Search:
        """The search's document, as it is stored now."""
        return self._store.searches.get(self._own)

    @property
    def status(self) -> str:
        """`queued`, `running` or `paused`; `completed`, `cancelled` or `failed` once it is over."""
        return self.search.status.value

    def summary(self) -> Summary:
        """Return counts of trials, the best one, the time left, and what the search waits for."""
        return read_summary(self._store, self._own)

    def trials(self) -> "pd.DataFrame":
        """Return all trials as a frame by number: state, metric, dimensions, metrics, times.

        See `alignsearch.frames.trials_frame` for the columns and their types.
        """
        from alignsearch.frames import trials_frame

        return trials_frame(self.search, self._store.trials.all_readable(self._own))

    def epochs(self, number: int | None = None) -> "pd.DataFrame":
        """Return the epochs, or reported steps, of one trial or of all, as a frame.

        The index is number of the trial, attempt and epoch.

        Raises:
            UnknownNameError: there is no trial of this number.
        """
        from alignsearch.frames import epochs_frame

        trials = (
            self._store.trials.all_readable(self._own)
            if number is None
            else [self._store.trials.get(self._own, number)]
        )
        return epochs_frame(
            [(trial.tid, epoch) for trial in trials for epoch in self._store.logs.epochs(trial.id)]
        )

    def wait(self, timeout: float | None = None, *, show: bool = True) -> str:
        """Wait until the search is over, and return its status.

        Args:
            timeout: longest wait in seconds; the status that the search has then is returned.
            show: whether to display the progress on a terminal or in a notebook.

        Raises:
            StateConflictError: nobody drives the search and no `serve` can, because its objective
                is in a Python session: `run` drives it here.
        """
        until = None if timeout is None else time.monotonic() + timeout

        def is_over() -> bool:
            search = self.search
            if search.status in TERMINAL_SEARCH_STATUSES:
                return True
            if lives_in_session(search) and not is_driven(search, self._store.now()):
                raise StateConflictError(f"{self.name} waits for {self.summary().waits_for}")
            return until is not None and time.monotonic() >= until

        watch(self._store, self._own, VisibleConsole(quiet=not show), is_over)
        return self.status

    def run(
        self,
        objective: Callable[..., Any] | None = None,
        *,
        ray: str | None = None,
        replace_objective: bool = False,
        show: bool = True,
    ) -> Self:
        """Drive the search in this process until it is over; return this handle.

        Ctrl-C and SIGTERM hand the running trials back; running the search again goes on.

        Args:
            objective: evaluates the trials, where no module has it. By default the one that the
                search was submitted with in this process.
            ray: HOST:PORT of a Ray cluster's head. By default the cluster that `ALIGNSEARCH_RAY`
                names, or this machine.
            replace_objective: go on with a function of another code than the one before. Its
                results are then mixed with the earlier ones.
            show: whether to display the progress.

        Raises:
            StateConflictError: the objective is needed, or it is another one than before.
            ClusterError: the cluster can't be reached, or can't run a trial.
            KeyboardInterrupt: the process was interrupted.
        """
        drive_here(
            self._store,
            self._own,
            named_store=self._named_store,
            ray=ray,
            objective=objective or self._objective,
            replace_objective=replace_objective,
            show=show,
        )
        return self

    def pause(self) -> None:
        """Begin no new trials; running ones finish."""
        steering.pause(self._store, self._own, whoami())

    def resume(self) -> None:
        """Let the paused search go on."""
        steering.resume(self._store, self._own, whoami())

    def stop(self) -> None:
        """End the search for good once its running trials have finished."""
        steering.stop(self._store, self._own, whoami())

    def confirm(self, *, top: int | None = None, seeds: int | None = None) -> None:
        """Have the best trials repeated on fresh seeds, before `best` names one by its mean.

            search.confirm(top=5, seeds=3)
            search.run()
            print(search.best().confirmed.chance)

        A search that is over is queued again for its repetitions.

        Args:
            top: how many of the best trials are repeated; 12 by default.
            seeds: repetitions of each at most; 3 by default. With neither number given, they take
                at most a tenth of the search's cost.

        Raises:
            ConfigurationError: a number is out of range.
            StateConflictError: fewer trials than `top` have a result, or the search was cancelled.
        """
        confirming.confirm(self._store, self._own, whoami(), top=top, seeds=seeds)

    def ask(self) -> "AskedTrial | None":
        """Return a trial for this program to evaluate; None if there is none to give now.

        The trial is leased to this process while it lives. If the process dies, the lease expires
        within the search's `lease` of seconds, and the trial is given to whoever asks next.

        Raises:
            StateConflictError: the search has an objective, which workers evaluate.
        """
        return self._asking().ask()

    def tell(self, trial: "AskedTrial", returned: Any) -> None:
        """Record the result of an asked trial, once.

        Args:
            trial: the trial, as `ask` returned it.
            returned: the metric's value, or HyperOpt's dictionary with `loss` and `status`.

        Raises:
            ConfigurationError: it is neither, or `trial` isn't what `ask` has returned.
            StateConflictError: the trial has another result already, where the same again is no
                error; or it is another search's.
            StaleAttemptError: the trial was given to another process, or cancelled.
        """
        self._asking().tell(trial, returned)

    def _asking(self) -> "Asker":
        if not self._askers:
            from alignsearch.asking import Asker

            self._askers.append(Asker(self._store, self._own, whoami()))
        return self._askers[0]


def _close(store: Store, askers: Sequence["Asker"]) -> None:
    with store:
        for each in askers:
            each.close()


def open_search(name: str, *, store: str | None = None) -> SearchHandle:
    """Return a stored search by its name.

    Args:
        name: the search's name.
        store: URI of a MongoDB. By default the store that `ALIGNSEARCH_STORE` names, or the
            embedded store of the current folder.

    Raises:
        UnknownNameError: there is no such search.
        StoreUnavailableError: the store doesn't answer, or the folder has none.
    """
    named = store_named(store)
    opened = open_store(named)
    try:
        return SearchHandle(opened, name, named_store=named)
    except BaseException:
        opened.close()
        raise


def resume(
    name: str,
    objective: Callable[..., Any] | None = None,
    *,
    store: str | None = None,
    ray: str | None = None,
    replace_objective: bool = False,
    show: bool = True,
) -> SearchHandle:
    """Drive a stored search in this process until it is over, and return it.

    Args:
        name: the search's name.
        objective: the function that evaluates its trials. A search needs it here if its objective
            came from a notebook or a script, whose process is gone.
        store: as `open_search`.
        ray: as `SearchHandle.run`.
        replace_objective: as `SearchHandle.run`.
        show: whether to display the progress.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: the objective is needed, or it is another one than before.
    """
    found = open_search(name, store=store)
    try:
        return found.run(objective, ray=ray, replace_objective=replace_objective, show=show)
    except BaseException:
        found.close()
        raise
