"""The feed of a server that can't tell of changes: whoever waits polls, and is never woken."""

from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.news.feed import Tell


class Polling:
    """A feed that tells nothing."""

    def __init__(self, connection: StoreConnection, collection: str, tell: Tell) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
