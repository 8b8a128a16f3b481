"""News of changes in a store: those who poll it are woken early where the server can tell."""

from alignsearch.search.store.news.feeds import FEEDS
from alignsearch.search.store.news.news import News, Waker

__all__ = ["FEEDS", "News", "Waker"]
