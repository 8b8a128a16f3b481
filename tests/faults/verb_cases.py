"""A verb that is killed and repeated: the shape of a table's row, and searches to prepare."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driving import CountingDispatcher, driving, wait_until
from epoch_maker import an_epoch

from alignsearch.search.documents import LogLine, Recipe, Result, Search, Trial, checkpoint_names
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.driver.driver import Driver
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space

STATE_FILE = "state.npz"
"""Name of the file that stands for a checkpoint."""


@dataclass
class Case:
    """One call of a verb in a database and a folder of its own.

    Attributes:
        store: a connection apart from the command's own.
        uri: the database.
        folder: where the command runs; checkpoints and files lie in it.
        known: what `prepare` leaves for `promised`.
        ended: whether the first call ended by itself, before it could be killed.
    """

    store: Store
    uri: str
    folder: Path
    known: dict[str, Any] = field(default_factory=dict)
    ended: bool = False


def nothing(case: Case) -> None:
    """Prepare nothing, or promise nothing."""


@dataclass(frozen=True)
class Verb:
    """A row of the table of verbs: one command line, and what holds once it was repeated.

    Attributes:
        name: the row's name, for reports.
        prepare: makes the searches that the command works on.
        command: the arguments of `alignsearch`; `--store` is added.
        promised: asserts the state that the command promises, after its repetition.
        between: asserts what holds after the kill already, before the repetition.
        beside: a context that is open during everything, like `driven`.
        repeated: the arguments of the repetition, where it differs.
        codes: exit codes that the repetition may have when the first call had done its work. A
            command that says that there is nothing left to do ends with 2.
        in_process: whether the command can be run, and cut short, in the process of a test. One
            that starts Ray or TensorFlow can't.
        costly: whether it takes tens of seconds of both cores: one run tells how long it takes.
    """

    name: str
    prepare: Callable[[Case], None]
    command: Callable[[Case], Sequence[str]]
    promised: Callable[[Case], None]
    between: Callable[[Case], None] = nothing
    beside: Callable[[Case], AbstractContextManager[object]] = lambda case: nullcontext()
    repeated: Callable[[Case], Sequence[str]] | None = None
    codes: tuple[int, ...] = (0,)
    in_process: bool = True
    costly: bool = False

    def again(self, case: Case) -> Sequence[str]:
        """Return the arguments of the repetition."""
        return (self.repeated or self.command)(case)


def new_search(case: Case, name: str = "a", space: str = "wm", **fields: Any) -> Search:
    """Store a rehearsal with checkpoints in the case's folder, and return it."""
    known = {
        "trials": 3,
        "parallel": 2,
        "seed": 0,
        "startup": 3,
        "checkpoints": str(case.folder / "checkpoints"),
        "space_hash": get_space(space).space_hash,
        "created_by": "a test",
        **fields,
    }
    recipe = Recipe(dataset="rehearsal", width=1, stem="none", epochs=2)
    return case.store.searches.create(Search(name=name, space=space, recipe=recipe, **known))


def finished_search(case: Case, name: str = "a", **fields: Any) -> Search:
    """Store a completed search whose trials have epochs, log lines and checkpoints."""
    search = new_search(case, name, **fields)
    store = case.store
    for tid in range(search.trials):
        trial = store.trials.add(Trial(id=Trial.key(name, tid), search=name, tid=tid))
        begun = store.attempts.begin(
            trial, "w", ttl=60, host="h", accelerator="cpu", versions={"python": "3"}
        )
        assert begun is not None
        assert begun.lease is not None
        for number in (1, 2):
            store.attempts.record_epoch(trial.id, 1, begun.lease.token, an_epoch(trial.id, number))
        lines = [LogLine(at=store.now(), level="INFO", text=f"trial {tid}")]
        store.logs.record_lines(trial.id, 1, lines)
        leave_checkpoint(search, begun)
        store.attempts.finish(begun, 1, begun.lease.token, Result(status="ok", loss=float(tid)))
    store.searches.change(name, SearchStatus.RUNNING, "a driver")
    store.totals.update(name)
    return store.searches.change(name, SearchStatus.COMPLETED, "a driver")


def leave_checkpoint(search: Search, trial: Trial) -> None:
    """Write a file where the trial's attempt keeps its checkpoints."""
    folder = checkpoint_names.of_attempt(search, trial, trial.attempt)
    assert folder is not None
    Path(folder).mkdir(parents=True)
    (Path(folder) / STATE_FILE).write_text(trial.id)


def documents(store: Store, name: str) -> list[tuple[str, Any]]:
    """Return everything that the store has of a search, with the collections."""
    return list(store.copies.documents(name))


@contextlib.contextmanager
def driven(case: Case, name: str = "a") -> Iterator[None]:
    """Drive the search in this process meanwhile, by two threads; the driver isn't killed."""
    driver = Driver(
        case.store,
        name,
        lambda search: CountingDispatcher(search, case.uri),
        owner="the driver",
    )
    with driving(driver):
        yield


def wait_for_end(case: Case, name: str = "a") -> Search:
    """Return the driven search once it is over."""
    wait_until(lambda: case.store.searches.get(name).status in TERMINAL_SEARCH_STATUSES)
    return case.store.searches.get(name)
