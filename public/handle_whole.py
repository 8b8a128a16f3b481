"""Verbs of a search's handle on the search as a whole: name, note, tags, deletion, logs."""

from collections.abc import Collection, Sequence
from pathlib import Path

from alignsearch.attempt_lines import attempt_lines
from alignsearch.dashboards.models import LogLine
from alignsearch.held_search import HeldSearch
from alignsearch.names import whoami
from alignsearch.search.use_cases import whole_search
from alignsearch.search.use_cases.next_steps import EPOCHS, SEEDS


class WholeSearchVerbs(HeldSearch):
    """Part of `SearchHandle`; each verb that changes something adds an event."""

    def rename(self, new: str) -> None:
        """Give the search another name, which this handle has then; its checkpoints stay.

        Raises:
            ConfigurationError: the name can't be used.
            NameTakenError: another search has it.
            StateConflictError: a driver has the search, or a trial runs.
        """
        self._hold(whole_search.rename(self._store, self._own, new, whoami()))

    def delete(self) -> None:
        """Delete the search with its trials, epochs, logs, events and checkpoints, for good.

        Raises:
            StateConflictError: a driver has the search, a trial runs, or a search that goes on
                starts from its results.
        """
        whole_search.delete(self._store, self._own, whoami())

    def note(self, text: str) -> None:
        """Write a note on the search, in place of the one that it has; an empty text removes it.

        Raises:
            ConfigurationError: the note is too long, or has control characters.
        """
        whole_search.note(self._store, self._own, text, whoami())

    def tag(self, *add: str, remove: Collection[str] = ()) -> tuple[str, ...]:
        """Add tags to the search and remove others; return those that it has then.

        Raises:
            ConfigurationError: a tag can't be used.
        """
        return whole_search.tag(self._store, self._own, add, remove, whoami()).tags

    def log(self, number: int, attempt: int | None = None) -> list[LogLine]:
        """Return what an attempt at a trial has logged: lines with `at`, `level` and `text`.

        Args:
            number: number of the trial.
            attempt: number of the attempt; None for the last one.

        Raises:
            UnknownNameError: there is no such trial or attempt.
        """
        return attempt_lines(self._store, self._own, number, attempt)[1]

    def dump(self, file: str | Path) -> None:
        """Write the whole search to a new file, which `alignsearch.load_search` reads.

        Raises:
            ConfigurationError: the file exists, or can't be written.
        """
        from alignsearch.search.store.dump import dump

        dump(self._store, self._own, Path(file))

    def train_longer(
        self,
        number: int | None = None,
        *,
        epochs: int = EPOCHS,
        seeds: Sequence[int] = range(SEEDS),
    ) -> str:
        """Submit a search that trains the best trial for longer, and return its name.

        `alignsearch.open_search(name).run()` drives it, or a running `alignsearch serve`. The same
        call again gives the same search.

        Args:
            number: number of the trial; None for the best one.
            epochs: epochs of each training.
            seeds: random seeds, one a training.

        Raises:
            ConfigurationError: the search trains no network, or an argument can't be used.
            StateConflictError: no trial has finished with a loss.
        """
        from alignsearch.search.use_cases.longer_training import longer_training

        made = longer_training(
            self._store, self._own, number, epochs=epochs, seeds=seeds, who=whoami()
        )
        return made.name
