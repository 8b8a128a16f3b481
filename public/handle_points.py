"""Points and single trials of a search, as a Python program steers them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alignsearch.held_search import HeldSearch
from alignsearch.names import whoami
from alignsearch.search.use_cases import enqueueing, importing, retrying, steering
from alignsearch.search.use_cases.enqueueing import Wanted
from alignsearch.search.use_cases.giving import Given
from alignsearch.search.use_cases.importing import Imported
from alignsearch.search.use_cases.retrying import Retried


class PointVerbs(HeldSearch):
    """The part of `SearchHandle` that gives points to a search and steers single trials.

    Each of them adds an event with this user as its author. Doing one again, after the process
    was killed, gives nothing twice.
    """

    def enqueue(self, *points: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Given:
        """Let the search try points before it suggests others; they count towards its budget.

            search.enqueue({"lr": 0.1, "kernel": "rbf"}, {"lr": 0.01, "kernel": "linear"})
            search.enqueue(frame.to_dict("records"))

        Args:
            *points: values of all active dimensions by label or name, a choice's option as it is
                shown; or several such points at once.

        Returns:
            The points that were added, and why others were left out: the search has tried them,
            or they wait already.

        Raises:
            ConfigurationError: one of them is no point of the search's space.
            StateConflictError: the search was cancelled.
        """
        flat: list[Mapping[str, Any]] = []
        for each in points:
            flat += [each] if isinstance(each, Mapping) else list(each)
        wanted = [Wanted(values, f"point {at}") for at, values in enumerate(flat, start=1)]
        return enqueueing.enqueue(self._store, self._own, wanted, whoami())

    def enqueue_file(self, file: Path | str) -> Given:
        """Do as `enqueue` with the points of a CSV file with a header, or of JSON lines."""
        wanted = enqueueing.of_file(self._store, self._own, Path(file))
        return enqueueing.enqueue(self._store, self._own, wanted, whoami())

    def enqueue_published(self) -> Given:
        """Do as `enqueue` with the columns of Table 5 that lie in the search's space."""
        wanted = enqueueing.of_table5(self._store, self._own)
        return enqueueing.enqueue(self._store, self._own, wanted, whoami())

    def enqueue_from(self, other: str, top: int = 5) -> Given:
        """Do as `enqueue` with the best points of another search that lie in this one's space."""
        wanted, left_out = enqueueing.of_search(self._store, self._own, other, top)
        return enqueueing.enqueue(self._store, self._own, wanted, whoami(), left_out)

    def retry(self, *numbers: int) -> Retried:
        """Try failed trials again, each as a new trial; a search that is over goes on by it.

        Args:
            *numbers: numbers of failed or cancelled trials; none for all failed ones.

        Raises:
            UnknownNameError: there is no such trial.
            StateConflictError: a named trial has a result or is live, or no trial has failed.
        """
        return retrying.retry(self._store, self._own, whoami(), numbers or None)

    def cancel(self, number: int | None = None) -> None:
        """End the search and its running trials now; with a number, end that trial alone.

        Raises:
            StateConflictError: the search, or the trial, has ended.
        """
        if number is None:
            steering.cancel(self._store, self._own, whoami())
        else:
            retrying.cancel_trial(self._store, self._own, number, whoami())

    def import_results(
        self, file: Path | str, format: str = "csv", *, study: str | None = None
    ) -> Imported:
        """Import results from elsewhere as finished trials, which spend nothing of the budget.

        Args:
            file: the file.
            format: csv, as `alignsearch trials --csv` prints it or with a column `loss`; or optuna,
                the SQLite file of Optuna's RDBStorage.
            study: name of the study, where Optuna's file has several.

        Raises:
            ConfigurationError: the file can't be read, or has no results of this space.
        """
        return importing.import_file(self._store, self._own, Path(file), format, whoami(), study)

    def import_mongotrials(self, uri: str, *, exp_key: str | None = None) -> Imported:
        """Import the jobs of HyperOpt's `MongoTrials`; nothing is unpickled.

        Args:
            uri: `mongo://HOST:PORT/DATABASE/jobs`, as `MongoTrials` has it.
            exp_key: the experiment, where the jobs are of several.

        Raises:
            ConfigurationError: there are no such jobs, or not of this space.
            StoreUnavailableError: the server doesn't answer.
        """
        return importing.import_mongotrials(self._store, self._own, uri, whoami(), exp_key)
