"""Event streams (server-sent events): changes of one search, and of the list of searches."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.models.base import LARGEST_NUMBER
from alignsearch.dashboards.web import payloads
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import Name, Rev
from alignsearch.search.documents.errors import StoreCorruptedError, StoreUnavailableError

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)

ALIVE_SECONDS = 5.0
"""A client hears something at least this often; a page that hears nothing says so."""
_RETRY = b"retry: 1000\n\n"
"""Tells a browser to reconnect a second after the connection broke."""
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}
}

Last = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


def sse(event: str, data: Any, id: int | None = None) -> bytes:
    """Encode an event."""
    head = f"id: {id}\n" if id is not None else ""
    # JSON escapes line ends, so the data is one line.
    return f"{head}event: {event}\ndata: ".encode() + to_json(data, inf_nan_mode="null") + b"\n\n"


class ChangeSignal:
    """Wakes a client's task when the mirror changes."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def notify() -> None:
            # The polling thread may outlive the event loop.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._changed.set)

        self.end: Callable[[], None] = mirror.subscribe(notify)

    async def wait(self) -> None:
        """Wait for a change, but not longer than until the next sign of life is due."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), ALIVE_SECONDS / 2)
        self._changed.clear()


class StoreState:
    """The store's availability as it was sent to a client last."""

    def __init__(self) -> None:
        self._sent = ""

    def news(self, mirror: Mirror) -> bytes | None:
        """An event, if the availability has changed since."""
        if mirror.failure == self._sent:
            return None
        self._sent = mirror.failure
        return sse("store", {"available": not mirror.failure, "message": mirror.failure})


@router.get("/searches/{name}/stream", response_class=Response, responses=_EVENTS)
async def stream_search(
    request: Request,
    name: Name,
    since: Rev = 0,
    last_event_id: Last = None,
) -> StreamingResponse:
    """Stream the changes of a search after a revision.

    Events: `change` (`TrialColumns`), `events` (`Events`), `store` (whether it answers), `alive`,
    and `gone` (the search was deleted or renamed: nothing follows).
    """
    mirror = context_of(request).mirror
    mirrored = await asyncio.to_thread(mirror.get, name)
    if last_event_id is not None and last_event_id.isdecimal():
        since = min(int(last_event_id), LARGEST_NUMBER)
    return _streaming(_search_events(mirror, mirrored, since))


@router.get("/stream", response_class=Response, responses=_EVENTS)
async def stream_searches(request: Request) -> StreamingResponse:
    """Stream the changes of the list of searches.

    Events: `searches` (those that changed), `listed` (the names of all, when those have changed),
    `store` (whether it answers), `alive`.
    """
    return _streaming(_list_events(context_of(request).mirror))


async def _search_events(
    mirror: Mirror, mirrored: MirroredSearch, rev: int
) -> AsyncIterator[bytes]:
    name = mirrored.search.name
    signal, end = ChangeSignal(mirror), mirror.pin(name)
    state = StoreState()
    version, events_version = -1, 0
    sent_at = time.monotonic()
    sent_events: set[Any] = set()
    try:
        yield _RETRY
        while not mirror.closing.is_set():
            if (news := state.news(mirror)) is not None:
                yield news
            current = mirror.cached(name)
            if not mirror.failure and current is None:
                try:
                    current = await asyncio.to_thread(mirror.get, name)
                except UnknownNameError:
                    yield sse("gone", {"name": name})
                    return
                except (StoreUnavailableError, StoreCorruptedError):
                    # The poll meets the same error and tells it, or logs it.
                    current = None
            if not mirror.failure and current is not None:
                if current.version != version:
                    version = current.version
                    data = await asyncio.to_thread(
                        payloads.trial_columns, current, mirror.now(), rev
                    )
                    rev = data["rev"]
                    sent_at = time.monotonic()
                    yield sse("change", data, rev)
                if current.events_version != events_version:
                    events_version = current.events_version
                    fresh = [key for key in list(current.events) if key not in sent_events]
                    sent_events.update(fresh)
                    events = sorted((current.events[key] for key in fresh), key=lambda e: e.at)
                    yield sse("events", {"events": events})
            if time.monotonic() - sent_at >= ALIVE_SECONDS / 2:
                sent_at = time.monotonic()
                yield sse("alive", {"now": mirror.now().timestamp()})
            await signal.wait()
    finally:
        signal.end()
        end()


async def _list_events(mirror: Mirror) -> AsyncIterator[bytes]:
    signal, state = ChangeSignal(mirror), StoreState()
    version = -1
    sent_at = time.monotonic()
    sent: dict[str, models.SearchSummary] = {}
    listed: set[str] | None = None
    try:
        yield _RETRY
        while not mirror.closing.is_set():
            if (news := state.news(mirror)) is not None:
                yield news
            if not mirror.failure and mirror.list_version != version:
                version = mirror.list_version
                try:
                    found = await asyncio.to_thread(_summaries, mirror)
                except StoreUnavailableError:
                    # The poll will fail too, and the next `store` event tells the client.
                    version = -1
                    found = []
                else:
                    names = {each.name for each in found}
                    if names != listed:
                        # A client that was away doesn't know which searches are gone.
                        listed = names
                        sent = {name: each for name, each in sent.items() if name in names}
                        yield sse("listed", {"names": sorted(names)})
                changed = [
                    each for each in found if _lasting(sent.get(each.name)) != _lasting(each)
                ]
                sent.update({each.name: each for each in changed})
                if changed:
                    sent_at = time.monotonic()
                    yield sse("searches", {"now": mirror.now().timestamp(), "searches": changed})
            if time.monotonic() - sent_at >= ALIVE_SECONDS / 2:
                sent_at = time.monotonic()
                yield sse("alive", {"now": mirror.now().timestamp()})
            await signal.wait()
    finally:
        signal.end()


def _summaries(mirror: Mirror) -> list[models.SearchSummary]:
    return [payloads.summary_of(mirror, search.name) for search in mirror.searches()]


def _lasting(summary: models.SearchSummary | None) -> object:
    """The summary without what changes with every second."""
    if summary is None:
        return None
    known = None if summary.seconds_left is None else 0.0
    return summary.model_copy(update={"age": 0.0, "waits_for": "", "seconds_left": known})


def _streaming(events: AsyncIterator[bytes]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
