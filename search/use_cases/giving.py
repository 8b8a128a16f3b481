"""Points that people give to a search: checked as a whole, then stored for its driver.

Nothing is written if one point is wrong. A command that is repeated, because it was killed or by
mistake, gives nothing twice: a point is known by its content.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.search.documents import (
    GivenPoint,
    Search,
    Trial,
    is_list_of_runs,
    is_of_fmin,
    space_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases.point_files import names_of
from alignsearch.search.use_cases.unchanged import check_unchanged
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.written_points import written_point

Point = dict[str, int | float]


@dataclass(frozen=True)
class Given:
    """The outcome of giving points to a search.

    Attributes:
        search: the search as it is since.
        points: the points that were added now, also those of an earlier command that was killed.
        left_out: for each point that wasn't added, where it stands and why, in words.
    """

    search: Search
    points: Sequence[GivenPoint]
    left_out: Sequence[str] = field(default_factory=tuple)


def searched_space(search: Search, *, results: bool = False) -> SearchSpace:
    """Return the space of a search that points can be given to.

    Args:
        search: the search.
        results: whether the points come with their results, which `fmin`'s searches take, too.

    Raises:
        StateConflictError: the search was cancelled, is a list of runs or `fmin`'s, or was
            submitted over a space that this program doesn't know, or its source has changed since.
        StoreCorruptedError: its stored space can't be read.
    """
    if search.status is SearchStatus.CANCELLED:
        raise StateConflictError(
            f"search {search.name!r} was cancelled, which is final: submit another one, from its "
            f"results by --warm-start {search.name}"
        )
    if is_of_fmin(search) and not results:
        raise StateConflictError(
            f"search {search.name!r} tries no given points: HyperOpt's fmin decides about its "
            "trials. Give points to a search of alignsearch.Search over the same space"
        )
    if is_list_of_runs(search):
        raise StateConflictError(
            f"search {search.name!r} is an experiment's list of runs and has no points: run the "
            "experiment's command again"
        )
    check_unchanged(search)
    return space_of(search)


def checked(search: Search, space: SearchSpace, values: Mapping[str, Any], place: str) -> Point:
    """Return the point that has these values.

    Args:
        search: the search, for its dimensions' names.
        space: its space.
        values: the value of each active dimension by label or name.
        place: where the point stands, for messages.

    Raises:
        ConfigurationError: it is no point of the space; the message begins with the place and
            names the dimension.
    """
    try:
        point = written_point(space, values, names_of(search, space))
        # An expression of the space, like a division, can fail at one point alone.
        space.resolve(point)
    except AlignSearchError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    return point


class Known:
    """The points that a search has already, by token, and its trials."""

    def __init__(self, store: Store, search: Search) -> None:
        """Read the search's points and trials."""
        self._published = search.enqueued
        self._points = {point.token: point for point in reversed(store.points.all(search.name))}
        self.trials: Sequence[Trial] = store.trials.all_readable(search.name)
        self._taken = {
            trial.origin.number: trial
            for trial in self.trials
            if trial.origin is not None and trial.origin.number is not None
        }

    def point(self, token: str) -> GivenPoint | None:
        """Return the published point of this token; None if there is none."""
        found = self._points.get(token)
        return found if found is not None and found.number < self._published else None

    def unpublished(self, token: str) -> GivenPoint | None:
        """Return the stored point of this token whose command died before it was published."""
        found = self._points.get(token)
        return found if found is not None and found.number >= self._published else None

    def trial_of(self, point: GivenPoint) -> Trial | None:
        """Return the trial that was made of a point; None if it waits."""
        return self._taken.get(point.number)


def give(
    store: Store,
    known: Known,
    new: Sequence[GivenPoint],
    who: str,
    *,
    what: str,
    detail: str,
) -> list[GivenPoint]:
    """Store new points, add one event, and let the driver read them; return them as stored.

    Args:
        store: holds the search.
        known: what the search had when the points were made.
        new: points of one search; their numbers are set here. Those that a killed command has
            stored are not stored again.
        who: the event's author.
        what: what the event says was done.
        detail: the event's detail.

    Raises:
        StoreUnavailableError: the store doesn't answer; doing it again completes it.
    """
    if not new:
        return []
    stored = {p.token: p for p in (known.unpublished(each.token) for each in new) if p is not None}
    added = store.points.add([each for each in new if each.token not in stored])
    given = sorted([*stored.values(), *added], key=lambda point: point.number)
    # By their numbers: a command that died between event and publication adds no second event.
    once = ",".join(str(point.number) for point in given)
    store.logs.add_event(given[0].search, who, what, detail, once=once)
    store.points.publish(given[0].search)
    return given


class Placed(Protocol):
    """A point that stands somewhere."""

    @property
    def place(self) -> str:
        """Where it stands, for messages."""


P = TypeVar("P", bound=Placed)


def sorted_out(
    wanted: Sequence[P],
    asked: Sequence[GivenPoint],
    refusal: Callable[[P, GivenPoint], str | None],
) -> tuple[list[GivenPoint], list[str]]:
    """Return the points to add, and for each of the others where it stands and why it is left out.

    Args:
        wanted: what somebody gave.
        asked: the point of each of them.
        refusal: why one of them isn't added; None for one that the search doesn't have yet.
    """
    places: dict[str, str] = {}
    new, refused = [], []
    for each, point in zip(wanted, asked, strict=True):
        why = refusal(each, point)
        if point.token in places:
            why = f"it is the same as {places[point.token]}"
        if why is not None:
            refused.append(f"{each.place}: {why}")
        else:
            places[point.token] = each.place
            new.append(point)
    return new, refused


def is_whole(trial: Trial) -> bool:
    """Return whether a trial's point has numbers alone, as far as nobody has changed it by hand."""
    return all(isinstance(value, int | float) for value in trial.point.values())


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 point`, `3 points`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
