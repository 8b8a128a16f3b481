"""`alignsearch events`: the history of a search, with authors and times."""

import threading
from datetime import timedelta
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    print_json,
    print_text,
)
from alignsearch.progress import REFRESH_SECONDS
from alignsearch.search.documents import Event
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.wiring import open_store

OVERLAP = timedelta(seconds=30)
"""The longest delay between an event's time and its insertion that --follow still notices."""


def events(
    name: NameArgument,
    follow: Annotated[
        bool, typer.Option("--follow", help="Print new events until the search is over.")
    ] = False,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """List the events of a search: time (UTC), author and action."""
    if follow and as_json:
        raise ConfigurationError("--follow or --json, not both")
    pause = threading.Event()
    with open_store(store) as opened:
        found = opened.logs.events(name)
        # A search that was deleted or renamed has left the event that says so.
        gone = found and not opened.searches.named([name])
        search = None if gone else opened.searches.get(name)
        if as_json:
            print_json([event.model_dump(mode="json") for event in found])
            return
        printed: set[Event] = set()
        while True:
            for event in found:
                if event not in printed:
                    printed.add(event)
                    print_text(_line(event))
            if not follow or search is None or search.status in TERMINAL_SEARCH_STATUSES:
                return
            pause.wait(REFRESH_SECONDS)
            search = opened.searches.get(name)
            newest = max((event.at for event in printed), default=search.created_at)
            found = opened.logs.events_since(name, newest - OVERLAP)


def _line(event: Event) -> str:
    detail = f": {event.detail}" if event.detail else ""
    return f"{event.at:%Y-%m-%d %H:%M:%S}  {event.who}  {event.what}{detail}"
