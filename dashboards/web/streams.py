"""Liveness: server-sent events. What is said to one client of a search is said to all the same."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Board, Entry
from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import LARGEST_NUMBER, Name, Rev
from alignsearch.search.documents.errors import StoreUnavailableError

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)

ALIVE_SECONDS = 5.0
"""Within which a client hears something, changed or not."""
_RETRY = b"retry: 1000\n\n"
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}
}

Last = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


def sse(event: str, data: Any, id: int | None = None) -> bytes:
    """One event as it goes over the wire."""
    head = f"id: {id}\n" if id is not None else ""
    # JSON has no bare line ends, so it is one line of data.
    return f"{head}event: {event}\ndata: ".encode() + to_json(data, inf_nan_mode="null") + b"\n\n"


class Bell:
    """Wakes a client's task when the board has something new."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._rung = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ring() -> None:
            # The loop may have ended before the poll that rings.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._rung.set)

        self.end: Callable[[], None] = board.listen(ring)

    async def wait(self) -> None:
        """Wait for something new, but not for longer than a client waits for a sign of life."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), ALIVE_SECONDS / 2)
        self._rung.clear()


class StoreState:
    """What a client was told of the store."""

    def __init__(self) -> None:
        self._told = ""

    def news(self, board: Board) -> bytes | None:
        """An event, if it is another state now."""
        if board.failure == self._told:
            return None
        self._told = board.failure
        return sse("store", {"available": not board.failure, "message": board.failure})


@router.get("/searches/{name}/stream", response_class=Response, responses=_EVENTS)
async def stream_search(
    request: Request,
    name: Name,
    since: Rev = 0,
    last_event_id: Last = None,
) -> StreamingResponse:
    """What changes in one search, from a revision on: `change`, `events`, `store`, `alive`."""
    board = context_of(request).board
    entry = await asyncio.to_thread(board.entry, name)
    if last_event_id is not None and last_event_id.isdecimal():
        since = min(int(last_event_id), LARGEST_NUMBER)
    return _streaming(_search_events(board, entry, since))


@router.get("/stream", response_class=Response, responses=_EVENTS)
async def stream_searches(request: Request) -> StreamingResponse:
    """What changes in the list of searches: `searches`, `store`, `alive`."""
    return _streaming(_list_events(context_of(request).board))


async def _search_events(board: Board, entry: Entry, rev: int) -> AsyncIterator[bytes]:
    name = entry.search.name
    bell, end = Bell(board), board.watch(name)
    state = StoreState()
    version, events_version = -1, 0
    told_at = time.monotonic()
    told_events: set[Any] = set()
    try:
        yield _RETRY
        while not board.closing.is_set():
            if (news := state.news(board)) is not None:
                yield news
            current = board.known(name)
            if not board.failure and current is not None:
                if current.version != version:
                    version = current.version
                    data = await asyncio.to_thread(views.history_data, current, board.now(), rev)
                    rev = data["rev"]
                    told_at = time.monotonic()
                    yield sse("change", data, rev)
                if current.events_version != events_version:
                    events_version = current.events_version
                    fresh = [key for key in list(current.events) if key not in told_events]
                    told_events.update(fresh)
                    events = sorted((current.events[key] for key in fresh), key=lambda e: e.at)
                    yield sse("events", {"events": events})
            if time.monotonic() - told_at >= ALIVE_SECONDS / 2:
                told_at = time.monotonic()
                yield sse("alive", {"now": board.now().timestamp()})
            await bell.wait()
    finally:
        bell.end()
        end()


async def _list_events(board: Board) -> AsyncIterator[bytes]:
    bell, state = Bell(board), StoreState()
    version = -1
    told_at = time.monotonic()
    told: dict[str, models.SearchSummary] = {}
    try:
        yield _RETRY
        while not board.closing.is_set():
            if (news := state.news(board)) is not None:
                yield news
            if not board.failure and board.list_version != version:
                version = board.list_version
                try:
                    found = await asyncio.to_thread(_summaries, board)
                except StoreUnavailableError:
                    # The poll is about to notice it, too, and says so.
                    version = -1
                    found = []
                changed = [
                    each for each in found if _lasting(told.get(each.name)) != _lasting(each)
                ]
                told.update({each.name: each for each in changed})
                if changed:
                    told_at = time.monotonic()
                    yield sse("searches", {"now": board.now().timestamp(), "searches": changed})
            if time.monotonic() - told_at >= ALIVE_SECONDS / 2:
                told_at = time.monotonic()
                yield sse("alive", {"now": board.now().timestamp()})
            await bell.wait()
    finally:
        bell.end()


def _summaries(board: Board) -> list[models.SearchSummary]:
    return [views.summary_of(board, search.name) for search in board.searches()]


def _lasting(summary: models.SearchSummary | None) -> object:
    """What isn't a matter of the second."""
    if summary is None:
        return None
    known = None if summary.seconds_left is None else 0.0
    return summary.model_copy(update={"age": 0.0, "waits_for": "", "seconds_left": known})


def _streaming(events: AsyncIterator[bytes]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
