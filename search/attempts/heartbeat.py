"""A thread that renews a lease, apart from the work that the lease protects."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from alignsearch.search.documents.errors import StoreUnavailableError

logger = logging.getLogger(__name__)


class Heartbeat:
    """Calls `renew` every `interval` seconds until closed or until the lease is lost.

    `renew` returns False once the lease belongs to another. A store that does
    not answer is tried again at the next beat: whether the lease survived is
    the store's to say when it is back.
    """

    def __init__(self, renew: Callable[[], bool], interval: float, name: str) -> None:
        self._renew = renew
        self._interval = interval
        self._name = name
        self._closed = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                renewed = self._renew()
            except StoreUnavailableError as error:
                logger.warning("no heartbeat %s, trying again: %s", self._name, error)
                continue
            if not renewed:
                self.lost.set()
                return
