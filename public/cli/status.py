"""`alignsearch status`: where searches stand and what they wait for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.completion import search_names
from alignsearch.cli.options import (
    JsonOption,
    OutputOption,
    StoreOption,
    console,
    notice,
    print_json,
    print_text,
    table_of,
)
from alignsearch.progress import duration, panel, watch
from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.store.address import mask
from alignsearch.search.use_cases.diverged import why_diverged
from alignsearch.search.use_cases.summary import Summary, read_summary
from alignsearch.search.use_cases.whole_search import unfinished
from alignsearch.wiring import has_store, open_store


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of a search. Default: all searches.", autocompletion=search_names
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Update the display until the search is over.")
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="List the searches with this tag only; repeated: with all of them."),
    ] = None,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Show the progress of searches, and what each of them waits for."""
    if watch and (name is None or as_json):
        raise ConfigurationError("--watch follows one named search, without --json")
    if tag and name is not None:
        raise ConfigurationError("--tag chooses among all searches: leave out the name")
    if name is None and not has_store(store):
        _list([], _place(store), as_json=as_json)
        return
    with open_store(store) as opened:
        if name is None:
            found = list(_summaries(opened, tag or ()))
            _list(found, _place(store), as_json=as_json, tag=tag or ())
            for line in unfinished(opened):
                notice(line)
        elif as_json:
            print_json(read_summary(opened, name).to_json())
        elif watch:
            _watch(opened, name)
        else:
            summary = read_summary(opened, name)
            why = why_diverged(opened, summary.search) if summary.diverged else None
            console.print(panel(summary, [] if why is None else why.lines()))


def _place(store: str | None) -> str:
    """Return where searches are looked for, in words."""
    return f"the folder {Path.cwd()}" if store is None else f"the store {mask(store)}"


def _summaries(store: Store, tags: Sequence[str]) -> Iterator[Summary]:
    """Yield the summaries of the searches with all tags, without one that can't be read."""
    for search in store.searches.all():
        if not {*tags} <= {*search.tags}:
            continue
        try:
            yield read_summary(store, search.name)
        except (StoreCorruptedError, UnknownNameError) as error:
            notice(f"search {search.name} is left out: {error}")


def _list(summaries: list[Summary], where: str, *, as_json: bool, tag: Sequence[str] = ()) -> None:
    if as_json:
        print_json([summary.to_json() for summary in summaries])
        return
    tagged = any(summary.search.tags for summary in summaries)
    headings = ("search", "space", "data", "status", "trials", "busy", "best", "left")
    table = table_of(*headings, *(["tags"] if tagged else []), whole=headings[1:])
    for summary in summaries:
        search = summary.search
        table.add_row(
            search.name,
            search.space,
            search.recipe.dataset if search.recipe else "",
            search.status.value,
            f"{summary.finished}/{search.trials}"
            + (f", {summary.diverged} diverged" if summary.diverged else ""),
            f"{summary.busy}/{search.parallel}",
            "" if summary.best_value is None else shown(summary.best_value),
            _time_left(summary),
            *([", ".join(search.tags)] if tagged else []),
        )
    if summaries:
        console.print(table)
    elif tag:
        print_text("no search has this tag")
    else:
        print_text(f"no search yet in {where}: `alignsearch submit` makes one")


def _time_left(summary: Summary) -> str:
    """Return the estimated time left; empty if it isn't known or the search is over."""
    over = summary.search.status in TERMINAL_SEARCH_STATUSES
    return "" if over or summary.seconds_left is None else duration(summary.seconds_left)


def _watch(store: Store, name: str) -> None:
    watch(
        store,
        name,
        console,
        lambda: store.searches.get(name).status in TERMINAL_SEARCH_STATUSES,
    )
    print_text(f"{name} is {store.searches.get(name).status}")
