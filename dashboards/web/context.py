"""What every request handler needs, made once when the server starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from alignsearch.dashboards import models
from alignsearch.dashboards.live.curves import Curves
from alignsearch.dashboards.live.importances import Aside, ImportanceBoard
from alignsearch.dashboards.live.mirror import Board
from alignsearch.dashboards.web.assets import Assets
from alignsearch.dashboards.web.auth import Gate
from alignsearch.search.documents import Search
from alignsearch.search.store import Store


@dataclass(frozen=True)
class Submitter:
    """How new searches are made; the command line provides it, so that both refuse alike.

    Attributes:
        fields: what can be said of a search, by the names of `alignsearch submit`'s options.
        prepare: from fields and author to the search as it would be written, or to the name of
            an error and its message. Runs in another process, so it is a module's function.
        set_out: the search as it sets out from the results of another one, by name.
        create: writes the search, under its own name if that was given.
    """

    fields: Sequence[models.SubmitField]
    prepare: Callable[[Mapping[str, Any], str], Search | tuple[str, str]]
    set_out: Callable[[Store, Search, str], Search]
    create: Callable[[Store, Search, bool], Search]


@dataclass(frozen=True)
class Context:
    """The parts of the server."""

    board: Board
    gate: Gate
    assets: Assets
    curves: Curves
    importances: ImportanceBoard
    aside: Aside
    submitter: Submitter
    version: str


def context_of(request: Request) -> Context:
    """The parts of the server that got the request."""
    context: Context = request.app.state.context
    return context
