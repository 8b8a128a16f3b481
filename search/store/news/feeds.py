"""The table of feeds, by what a server offers."""

from collections.abc import Callable, Mapping

from alignsearch.search.store import capabilities
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.news.change_stream import ChangeStream
from alignsearch.search.store.news.feed import Feed, Tell
from alignsearch.search.store.news.polling import Polling

POLLING = "polling"

FEEDS: Mapping[str, Callable[[StoreConnection, str, Tell], Feed]] = {
    capabilities.CHANGE_STREAMS: ChangeStream,
    POLLING: Polling,
}
"""How changes become known: a function that begins a feed of a connection's collection."""


def kind_of(connection: StoreConnection) -> str:
    """Return the name of the feed that suits the server.

    Raises:
        StoreUnavailableError: the store doesn't answer.
    """
    offered = capabilities.offered(connection)
    return next((name for name in FEEDS if name in offered), POLLING)
