"""Results from elsewhere as finished trials: from files, and from HyperOpt's MongoTrials.

They are told to the sampler and ranked like a search's own, and spend nothing of its budget.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.search.documents import GivenPoint, Result, Search, judged, token_of
from alignsearch.search.driver.intake import take_in
from alignsearch.search.store import Store
from alignsearch.search.use_cases.giving import (
    Given,
    Known,
    Point,
    checked,
    counted,
    give,
    is_whole,
    searched_space,
    sorted_out,
)
from alignsearch.search.use_cases.import_csv import read_csv, results_in
from alignsearch.search.use_cases.import_mongotrials import read_mongotrials
from alignsearch.search.use_cases.import_optuna import read_optuna
from alignsearch.search.use_cases.outside_result import OutsideResult, OutsideResults
from alignsearch.search.use_cases.point_files import check_text
from alignsearch.spaces.space import SearchSpace

FORMATS: dict[str, Callable[[Path, Search, SearchSpace, str | None], OutsideResults]] = {
    "csv": read_csv,
    "optuna": read_optuna,
}
"""Readers of files by the name that `--format` gives them."""


@dataclass(frozen=True)
class Imported(Given):
    """The outcome of an import.

    Attributes:
        source: what the results come from, in words.
        waits: whether the search's driver has yet to add the results; if not, they are there.
    """

    source: str = ""
    waits: bool = False


def import_file(
    store: Store, name: str, file: Path, format: str, who: str, study: str | None = None
) -> Imported:
    """Import the results of a file, as `import_results` does.

    Args:
        store: holds the search.
        name: the search's name.
        file: the file.
        format: a key of `FORMATS`.
        who: the event's author.
        study: the study of a file that has several.

    Raises:
        UnknownNameError: there is no such search, format or study.
        ConfigurationError: the file can't be read, or has no results of this search's space.
    """
    if format not in FORMATS:
        raise UnknownNameError("import format", format, FORMATS)
    search = store.searches.get(name)
    found = FORMATS[format](file, search, searched_space(search, results=True), study)
    return import_results(store, name, found, who)


def import_csv_text(store: Store, name: str, text: str, who: str) -> Imported:
    """Import the results of a CSV's text, as `import_results` does."""
    search = store.searches.get(name)
    check_text(text, "the table")
    found = results_in(text, "the table", search, searched_space(search, results=True))
    return import_results(store, name, found, who)


def import_mongotrials(
    store: Store, name: str, uri: str, who: str, exp_key: str | None = None
) -> Imported:
    """Import the jobs of HyperOpt's `MongoTrials`, as `import_results` does.

    Raises:
        StoreUnavailableError: a server doesn't answer.
        ConfigurationError: there are no such jobs, or of several experiments.
    """
    search = store.searches.get(name)
    searched_space(search, results=True)
    return import_results(store, name, read_mongotrials(uri, exp_key), who)


def import_results(store: Store, name: str, found: OutsideResults, who: str) -> Imported:
    """Add results from elsewhere to a search, as finished trials; an event says so.

    The search's driver adds them within a second. If nobody drives the search, they are added
    here, also where it is over. Results that the search has already are left out, so that the same
    import again adds nothing, unless it was killed: then it adds what is missing.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: one of them is no point of the search's space; nothing is written.
        StateConflictError: the search was cancelled, or has no points.
    """
    search = store.searches.get(name)
    space = searched_space(search, results=True)
    if not found.results:
        raise ConfigurationError(
            f"{found.source} has no result" + "".join(f"; {each}" for each in found.left_out)
        )
    points = [_checked(search, space, each) for each in found.results]
    known = Known(store, search)
    asked = [_given(search, *each, who) for each in zip(found.results, points, strict=True)]
    new, refused = sorted_out(found.results, asked, _refusal(known))
    given = give(
        store,
        known,
        new,
        who,
        what="imported",
        detail=f"{counted(len(new), 'result')} of {found.source}",
    )
    # Also what an earlier import has left, which was killed here.
    added = take_in(store, name, f"{who}:{os.getpid()}")
    left_out = (*found.left_out, *refused)
    return Imported(store.searches.get(name), given, left_out, found.source, waits=added is None)


def _checked(search: Search, space: SearchSpace, result: OutsideResult) -> Point:
    if result.point is None:
        return checked(search, space, result.values or {}, result.place)
    # Imports HyperOpt, which takes a second.
    from alignsearch.spaces.hyperopt_space import plain_point

    try:
        point: Point = plain_point(result.point)
        space.check_point(point)
        space.resolve(point)
    except AlignSearchError as error:
        raise ConfigurationError(f"{result.place}: {error}") from error
    return point


def _refusal(known: Known) -> Callable[[OutsideResult, GivenPoint], str | None]:
    """Return a function that says why a result isn't added; it returns None for a new one."""
    own = {
        token_of("imported", trial.point, trial.loss): trial
        for trial in known.trials
        if trial.is_suggested and trial.result is not None and is_whole(trial)
    }

    def refusal(each: OutsideResult, asked: GivenPoint) -> str | None:
        if known.point(asked.token) is not None:
            return "it was imported before"
        same = own.get(token_of("imported", asked.point, each.loss))
        return None if same is None else f"trial {same.tid} has this point and this result"

    return refusal


def _given(search: Search, each: OutsideResult, point: Point, who: str) -> GivenPoint:
    metrics = dict(each.metrics)
    result = (
        Result(status="fail", metrics=metrics, reason=each.reason or "it had no loss elsewhere")
        if each.loss is None
        else Result(status="ok", loss=each.loss, metrics=metrics)
    )
    if not each.pruned:
        result = judged(search, result, each.place)
    return GivenPoint.unnumbered(
        search.name,
        kind="imported",
        point=point,
        token=token_of("imported", point, each.loss, each.identity),
        note=each.note,
        result=result,
        pruned=each.pruned,
        started=each.started,
        finished=each.finished,
        by=who,
    )
