"""The points that people have given to a search, as its driver knows them: which wait, in order."""

from itertools import islice

from alignsearch.search.documents import GivenPoint, Search, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.space import SearchSpace


class Given:
    """The given points of one search without those that a trial was made of.

    A driver makes a trial of a point by adding the trial: the trial's origin has the point's
    number. So a driver that begins anew knows from the trials which points are taken.
    """

    def __init__(self, store: Store, search: str) -> None:
        """Start without a point."""
        self._store = store
        self._search = search
        self._numbers: set[int] = set()
        self._tokens: set[str] = set()
        self._taken: set[int] = set()
        self._first_unread = 0
        self._to_try: dict[int, GivenPoint] = {}
        self._retries: set[int] = set()
        self._retried: set[int] = set()
        self._failed: set[int] = set()
        self._results: dict[int, GivenPoint] = {}

    def read(self, end: int) -> None:
        """Read the points numbered below `end` that aren't known yet.

        end: the search's `enqueued`. Nothing is read if it is as it was.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if end <= self._first_unread:
            return
        for point in self._store.points.read(self._search, self._first_unread, end):
            if point.number not in self._numbers:
                self._numbers.add(point.number)
                self._add(point)
        # A server may show the points of one insert in any order: those are looked for again.
        while self._first_unread in self._numbers:
            self._first_unread += 1

    def _add(self, point: GivenPoint) -> None:
        if point.token in self._tokens:
            # The same request again, sent by two commands at one moment: the first one counts.
            return
        self._tokens.add(point.token)
        if point.kind == "retry" and point.of is not None:
            self._retried.add(point.of)
        if point.number in self._taken:
            return
        (self._results if point.kind == "imported" else self._to_try)[point.number] = point
        if point.kind == "retry":
            self._retries.add(point.number)

    def note(self, trial: Trial) -> None:
        """Note the point that a trial was made of, and whether the trial failed."""
        if trial.origin is not None and trial.origin.number is not None:
            self.drop(trial.origin.number)
        if trial.state is TrialState.FAILED and trial.is_suggested:
            self._failed.add(trial.tid)

    def drop(self, number: int) -> None:
        """Take a point away from those that wait."""
        self._taken.add(number)
        self._retries.discard(number)
        self._to_try.pop(number, None)
        self._results.pop(number, None)

    @property
    def failures(self) -> int:
        """Number of failed trials that nobody has asked to try again."""
        return len(self._failed - self._retried)

    @property
    def retries(self) -> int:
        """Number of waiting points that repeat a failed trial."""
        return len(self._retries)

    @property
    def waiting(self) -> int:
        """Number of points that wait to be tried."""
        return len(self._to_try)

    def results(self, most: int) -> list[GivenPoint]:
        """Return the waiting results from elsewhere, `most` of them at most."""
        return list(islice(self._results.values(), most))

    def to_try(self, left: int, most: int) -> list[GivenPoint]:
        """Return the points to try next, by number, `most` of them at most.

        left: trials that the budget allows. Retries are tried without any.
        """
        chosen: list[GivenPoint] = []
        for number in sorted(self._to_try):
            if len(chosen) >= most:
                break
            if number in self._retries or len(chosen) < left:
                chosen.append(self._to_try[number])
        return chosen


def trial_of(
    search: Search, space: SearchSpace, point: GivenPoint, *, tid: int, seen: int = 0
) -> Trial:
    """Return the trial that a driver adds for a point; one that is completed, for a result.

    Raises:
        ConfigurationError: an expression of the space has no value at the point.
    """
    trial = Trial(
        id=Trial.key(search.name, tid),
        search=search.name,
        tid=tid,
        config=space.resolve(point.point),
        point=point.point,
        seen=seen,
        origin=point.origin,
        resources=search.resources,
    )
    if point.result is None:
        return trial
    timings = {"finished": point.finished or point.at}
    if point.started is not None:
        timings["started"] = point.started
    return trial.model_copy(
        update={
            "state": TrialState.PRUNED if point.pruned else TrialState.COMPLETED,
            "result": point.result,
            "resources": {},
            "timings": timings,
        }
    )
