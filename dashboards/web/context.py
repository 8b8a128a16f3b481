"""Objects that request handlers share, created when the server starts."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from alignsearch.dashboards.live.background import BackgroundProcess
from alignsearch.dashboards.live.curves import Curves
from alignsearch.dashboards.live.importances import ImportanceCache
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.rule_tables import RuleTableCache
from alignsearch.dashboards.web.assets import Assets
from alignsearch.dashboards.web.auth import Gate
from alignsearch.search.documents import Search
from alignsearch.search.store import Store
from alignsearch.search.use_cases.submission import Submission


@dataclass(frozen=True)
class Submitter:
    """Functions that create searches. The command line provides them, so that both check alike.

    Attributes:
        prepare: makes the search document from a submission and its author, or returns the class
            name and the message of an error. It is pickled and runs in another process.
        with_earlier: adds the warm start and the prior of other stored searches, as asked for.
        create: writes the search; the flag says whether its name was given or may be changed.
    """

    prepare: Callable[[Submission, str], Search | tuple[str, str]]
    with_earlier: Callable[[Store, Search, Submission], Search]
    create: Callable[[Store, Search, bool], Search]


@dataclass(frozen=True)
class Context:
    """The server's shared objects."""

    mirror: Mirror
    gate: Gate
    assets: Assets
    curves: Curves
    importances: ImportanceCache
    rule_tables: RuleTableCache
    background: BackgroundProcess
    submitter: Submitter
    version: str


def context_of(request: Request) -> Context:
    """The shared objects of the server that received the request."""
    context: Context = request.app.state.context
    return context
