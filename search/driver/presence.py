"""Tells the store that a `serve` lives, also while it has no search to drive."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents.errors import StoreRefusedError, StoreUnavailableError
from alignsearch.search.documents.lease import DEFAULT_LEASE_SECONDS
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


@contextmanager
def present(store: Store, owner: str, ttl: float = DEFAULT_LEASE_SECONDS) -> Iterator[None]:
    """A context in which the store knows that the process `owner` drives its searches.

    A process that is killed counts as alive for `ttl` seconds more. A store that doesn't answer,
    or whose roles are those of an earlier version, stops nothing: people see less, that is all.
    """

    def renew() -> bool:
        # A store that was restored from a backup doesn't know the process.
        if not store.services.renew(owner, ttl):
            store.services.join(owner, ttl)
        return True

    try:
        store.services.join(owner, ttl)
    except StoreRefusedError as error:
        logger.warning(
            "`alignsearch status` can't tell that this process lives: %s; `alignsearch store roles "
            "--apply` brings the roles of this version",
            error,
        )
        yield
        return
    except StoreUnavailableError as error:
        logger.warning("retrying: %s", error)
    with Heartbeat(renew, ttl / RENEWALS, f"of {owner}"):
        yield
    try:
        store.services.leave(owner)
    except StoreUnavailableError as error:
        logger.warning("the store shows %s as alive for some seconds more: %s", owner, error)
