"""Points that people want tried first: their own, Table 5's, or the best of another search."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.search.documents import (
    GivenPoint,
    Search,
    Trial,
    is_asked,
    is_driven,
    known_space_of,
    lives_in_session,
    token_of,
    values_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import (
    LIVE_TRIAL_STATES,
    TERMINAL_SEARCH_STATUSES,
    TrialState,
)
from alignsearch.search.store import Store
from alignsearch.search.use_cases.giving import (
    Given,
    Known,
    checked,
    counted,
    give,
    is_whole,
    searched_space,
    sorted_out,
)
from alignsearch.search.use_cases.next_steps import where_it_goes_on
from alignsearch.search.use_cases.point_files import check_text, points_in, read_points
from alignsearch.search.use_cases.published import published_columns
from alignsearch.spaces.distributions import same
from alignsearch.spaces.space import SearchSpace

MOST_POINTS = 10_000
"""Points of one command: more than any search has trials."""

_TRIED = frozenset({*LIVE_TRIAL_STATES, TrialState.COMPLETED, TrialState.PRUNED})
"""States of trials that have a result of their point, or will have one."""


@dataclass(frozen=True)
class Wanted:
    """A point that somebody wants tried.

    Attributes:
        values: the value of each active dimension, by its label or its name.
        place: where the point stands, for messages.
        note: where it was found, which the trial keeps.
    """

    values: Mapping[str, Any]
    place: str = "the point"
    note: str = ""


def enqueue(
    store: Store, name: str, wanted: Sequence[Wanted], who: str, left_out: Sequence[str] = ()
) -> Given:
    """Let the search try these points before it suggests others; an event says so.

    The points count towards the budget like suggested ones, once tried. A point that the search
    has tried already, that it tries now, or that waits already is left out. So the same command
    again adds nothing, unless it was killed: then it adds what is missing.

    Args:
        store: holds the search.
        name: the search's name.
        wanted: the points.
        who: the event's author.
        left_out: points that were left out before, in words.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: one of them is no point of the search's space; nothing is written.
        StateConflictError: the search was cancelled, or has no points.
    """
    if len(wanted) > MOST_POINTS:
        raise ConfigurationError(f"{len(wanted)} points are too many: {MOST_POINTS} at once")
    search = store.searches.get(name)
    space = searched_space(search)
    points = [checked(search, space, each.values, each.place) for each in wanted]
    known = Known(store, search)
    asked = [
        GivenPoint.unnumbered(
            search.name,
            kind="enqueued",
            point=point,
            token=token_of("enqueued", point),
            note=each.note,
            by=who,
        )
        for each, point in zip(wanted, points, strict=True)
    ]
    chosen, refused = sorted_out(wanted, asked, _refusal(search, known))
    given = give(
        store,
        known,
        chosen,
        who,
        what="enqueued",
        detail=f"{counted(len(chosen), 'point')} to be tried first",
    )
    return Given(store.searches.get(name), given, (*left_out, *refused))


def _refusal(search: Search, known: Known) -> Callable[[Wanted, GivenPoint], str | None]:
    """Return a function that says why a point isn't added; it returns None for a new one."""
    tried = {
        token_of("enqueued", trial.point): trial
        for trial in known.trials
        if trial.is_suggested and trial.state in _TRIED and is_whole(trial)
    }

    def refusal(each: Wanted, asked: GivenPoint) -> str | None:
        if asked.token in tried:
            return f"{_trial(tried[asked.token])} has this point already"
        waiting = known.point(asked.token)
        return None if waiting is None else _waiting(search, known, waiting)

    return refusal


def _waiting(search: Search, known: Known, point: GivenPoint) -> str:
    trial = known.trial_of(point)
    if trial is None:
        return f"it waits already, enqueued by {point.by}"
    again = f"`alignsearch retry {search.name} {trial.tid}` tries it again"
    return f"{_trial(trial)} had this point; {again}"


def _trial(trial: Trial) -> str:
    return f"trial {trial.tid} ({trial.state})"


def waits_for(store: Store, given: Given) -> str:
    """Return what has to happen before the points are tried, as the end of a sentence."""
    search = given.search
    if not given.points:
        return ""
    if search.status in TERMINAL_SEARCH_STATUSES or search.confirms_only:
        now = "repeats its best trials alone" if search.confirms_only else f"is {search.status}"
        return f"; it {now}: `alignsearch extend {search.name} --trials N` lets it go on with them"
    if is_driven(search, store.now()) or is_asked(search):
        return ""
    if lives_in_session(search):
        return f"; it goes on {where_it_goes_on(search)}"
    return "; it waits for a driver (`alignsearch serve`)"


def of_file(store: Store, name: str, file: Path) -> list[Wanted]:
    """Return the points of a file: CSV with a header, or JSON lines.

    Raises:
        UnknownNameError: there is no search of this name.
        ConfigurationError: the file can't be read, or isn't one of this search's points.
    """
    search = store.searches.get(name)
    rows = read_points(file, search, searched_space(search))
    return [Wanted(row.values, row.place, row.place) for row in rows]


def of_text(store: Store, name: str, text: str) -> list[Wanted]:
    """Return the points of a text as it stands in such a file."""
    search = store.searches.get(name)
    check_text(text, "the table")
    rows = points_in(text, "the table", search, searched_space(search))
    return [Wanted(row.values, row.place) for row in rows]


def of_table5(store: Store, name: str) -> list[Wanted]:
    """Return the columns of Kunin et al. 2020, Table 5, that lie in the search's space.

    Raises:
        UnknownNameError: there is no search of this name.
        ConfigurationError: none does; the message says why.
    """
    columns = published_columns(searched_space(store.searches.get(name)), f"the space of {name!r}")
    return [
        Wanted(values, f"Table 5's column {column}", f"Kunin et al. 2020, Table 5, {column}")
        for column, values in columns
    ]


def of_search(store: Store, name: str, other: str, top: int) -> tuple[list[Wanted], list[str]]:
    """Return the best points of another search that lie in this one's space.

    A dimension that only one of both searches samples must have a fixed value in the other, and
    the same one.

    Args:
        store: holds both searches.
        name: the search.
        other: the other search.
        top: number of its best trials to look at.

    Returns:
        The points, the best first, and for each that doesn't lie in the space the reason.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: the other one is the search itself, or has no finished trial.
        ConfigurationError: none of its best points lies in the space.
    """
    search, theirs = store.searches.get(name), store.searches.get(other)
    space = searched_space(search)
    if search.name == theirs.name:
        raise StateConflictError(f"search {name!r} has its own best points already")
    best = [trial for trial in store.trials.best(other, top) if not trial.violation]
    if not best:
        kept = " that keeps its constraints" if theirs.constraints else ""
        raise StateConflictError(
            f"search {other!r} has no finished trial{kept} to take points from"
        )
    wanted, left_out = [], []
    for trial in best:
        place = f"trial {trial.tid} of {other}"
        try:
            values = _values_here(space, theirs, trial)
            checked(search, space, values, place)
            wanted.append(Wanted(values, place, place))
        except AlignSearchError as error:
            said = str(error)
            left_out.append(said if said.startswith(place) else f"{place}: {said}")
    if not wanted:
        raise ConfigurationError(
            f"no point of {other!r} lies in the space of {name!r}: {left_out[0]}"
        )
    return wanted, left_out


def _values_here(space: SearchSpace, theirs: Search, trial: Trial) -> dict[str, Any]:
    """The values of another search's trial by this space's labels, those fixed there included."""
    values: dict[str, Any] = dict(values_of(theirs, trial))
    other = known_space_of(theirs)
    fixed_there = {} if other is None else {each.name: each.value for each in other.fixed}
    for label in space.sampled_names - values.keys():
        if label in fixed_there:
            values[label] = fixed_there[label]
    for each in space.fixed:
        if each.name in values:
            value = values.pop(each.name)
            if not (same(value, each.value) or value == each.value):
                raise ConfigurationError(f"{each.name} is {value} there, and fixed at {each.value}")
    return values
