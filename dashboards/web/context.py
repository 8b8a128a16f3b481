"""What every request handler needs, made once when the server starts."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from alignsearch.dashboards.live.curves import Curves
from alignsearch.dashboards.live.importances import Aside, ImportanceBoard
from alignsearch.dashboards.live.mirror import Board
from alignsearch.dashboards.web.assets import Assets
from alignsearch.dashboards.web.auth import Gate
from alignsearch.search.documents import Search
from alignsearch.search.store import Store
from alignsearch.search.use_cases.submission import Submission


@dataclass(frozen=True)
class Submitter:
    """The functions that make new searches; the command line provides them.

    Attributes:
        prepare: from a submission and its author to the search as it would be stored, or to the
            class name and the message of an error. It is pickled and runs in another process.
        with_warm_start: from a search and another's name to the search that starts from the
            results of that one.
        create: writes the search; the flag says whether the person has named it.
    """

    prepare: Callable[[Submission, str], Search | tuple[str, str]]
    with_warm_start: Callable[[Store, Search, str], Search]
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
