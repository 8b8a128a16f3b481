"""The API's changes: logging in, submitting and steering. Each passes the same gate."""

import asyncio
import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from alignsearch.dashboards import models
from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web.auth import COOKIE, SESSION_SECONDS, Gate, Session
from alignsearch.dashboards.web.context import Context, context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.parameters import Name
from alignsearch.dashboards.web.responses import answer
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases import steering
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.catalog import SPACES

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)

BEARER = "bearer "
SUBMIT_SECONDS = 120.0
"""Timeout of checking a new search, which may connect to a Ray cluster."""

_OPTION = re.compile(r"--([a-z][a-z-]*)")

_CONFLICTS = {each.__name__ for each in (ClusterError, NameTakenError)}


def session_of(request: Request) -> tuple[Session, bool]:
    """The request's session, and whether it is a new one."""
    gate = context_of(request).gate
    known = gate.session(request.cookies.get(COOKIE))
    return (known, False) if known is not None else (gate.new_session(), True)


def session_state(gate: Gate, session: Session) -> models.SessionState:
    """What a page has to know of its session."""
    login = gate.login_of(session)
    why = {
        "needed": "log in with the dashboard's token to steer",
        "impossible": "this dashboard is open to the network and has no token, so it only shows: "
        "`alignsearch dashboard --set-token` makes one",
    }.get(login)
    return models.SessionState(
        user=session.user,
        can_steer=gate.author(session) is not None,
        login=login,
        why=why,
        csrf=gate.csrf(session),
    )


async def from_own_page(request: Request) -> None:
    """Refuse what another site's page could have sent.

    Raises:
        RefusedError: the request isn't JSON, comes from another origin or lacks the CSRF token.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedError(422, "invalid", "send JSON, with Content-Type: application/json")
    if _bearer(request) is not None:
        return
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise RefusedError(403, "csrf", f"a page of {origin} may not steer this dashboard")
    session, is_new = session_of(request)
    token = request.headers.get("x-csrf-token", "")
    if is_new or not context_of(request).gate.is_csrf(session, token):
        raise RefusedError(
            403, "csrf", "the page is older than the server's memory: reload it and try again"
        )


async def author_of(request: Request, _: Annotated[None, Depends(from_own_page)]) -> str:
    """Who steers.

    Raises:
        RefusedError: the person hasn't logged in, or nobody may.
    """
    gate = context_of(request).gate
    token = _bearer(request)
    if token is not None:
        if gate.token is None:
            raise RefusedError(403, "forbidden", "this dashboard has no token to be logged in with")
        await _check_token(gate, token)
        client = request.client.host if request.client else "a program"
        return f"{client} (dashboard API)"
    session, _is_new = session_of(request)
    author = gate.author(session)
    if author is None:
        state = session_state(gate, session)
        status, code = (401, "login_required") if state.login == "needed" else (403, "forbidden")
        raise RefusedError(status, code, state.why or "")
    return author


Author = Annotated[str, Depends(author_of)]


@router.get("/session", response_model=models.SessionState)
async def session(request: Request) -> Response:
    """Who asks, whether they may steer, and the token for what they change."""
    found, is_new = session_of(request)
    return _session_answer(request, found, set_cookie=is_new)


@router.post("/login", response_model=models.SessionState, dependencies=[Depends(from_own_page)])
async def login(request: Request, asked: models.LoginRequest) -> Response:
    """Log in with the dashboard's token, under the name that events will carry."""
    gate = context_of(request).gate
    if gate.token is None:
        raise RefusedError(409, "conflict", "this dashboard has no token: there is no login")
    await _check_token(gate, asked.token)
    return _session_answer(request, gate.new_session(asked.name), set_cookie=True)


@router.post("/logout", response_model=models.SessionState, dependencies=[Depends(from_own_page)])
async def logout(request: Request, _: models.Nothing) -> Response:
    """Forget who asks."""
    return _session_answer(request, context_of(request).gate.new_session(), set_cookie=True)


@router.get("/submit", response_model=models.SubmitForm)
async def submit_form(request: Request) -> Response:
    """The form for a new search: the spaces with their ranges, and the fields with defaults."""
    fields = models.submit_fields()
    form = models.SubmitForm(
        spaces=[views.space_model(space) for space in SPACES.values()],
        fields=fields,
        defaults={field.name: field.default for field in fields},
    )
    return answer(request, form)


@router.post("/submit/check", response_model=models.Checked)
async def check_submission(
    request: Request, author: Author, asked: models.SubmitRequest
) -> Response:
    """Check a new search as `submit` does, and return it as it would be stored."""
    search = await _prepared(context_of(request), asked, author)
    return answer(request, models.Checked(ok=True, search=search.model_dump(mode="json")))


@router.post("/submit", response_model=models.Submitted, status_code=201)
async def submit(request: Request, author: Author, asked: models.SubmitRequest) -> Response:
    """Submit a search, as `alignsearch submit` does."""
    context = context_of(request)
    search = await _prepared(context, asked, author)
    create = context.submitter.create
    created = await run_in_threadpool(create, context.board.store, search, asked.name is not None)
    submitted = models.Submitted(name=created.name, href=f"/searches/{created.name}")
    return answer(request, submitted, 201)


@router.post("/searches/{name}/{verb}", response_model=models.Steered)
def steer(
    request: Request,
    author: Author,
    name: Name,
    verb: Annotated[models.Verb, Path()],
    _: models.Nothing,
) -> Response:
    """Steer a search; an event names who did."""
    board = context_of(request).board
    board.check()
    message = VERBS[verb](board.store, name, author)
    board.refresh(name)
    steered = models.Steered(message=message, summary=views.summary_of(board, name))
    return answer(request, steered)


def _pause(store: Store, name: str, who: str) -> str:
    steering.pause(store, name, who)
    return f"{name} is paused; running trials finish"


def _resume(store: Store, name: str, who: str) -> str:
    steering.resume(store, name, who)
    return f"{name} goes on where a driver runs (`alignsearch serve`)"


def _stop(store: Store, name: str, who: str) -> str:
    search = steering.stop(store, name, who)
    if search.status is SearchStatus.COMPLETED:
        return f"{name} is completed: none of its trials ran"
    return f"{name} begins no more trials and completes with those that run"


def _cancel(store: Store, name: str, who: str) -> str:
    ended = steering.cancel(store, name, who)
    return f"{name} is cancelled; running and queued trials that ended with it: {ended}"


VERBS: dict[models.Verb, Callable[[Store, str, str], str]] = {
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "cancel": _cancel,
}


async def _prepared(context: Context, asked: Submission, author: str) -> Search:
    submitter = context.submitter
    future = context.aside.submit(submitter.prepare, asked, author)
    try:
        made = await asyncio.wait_for(asyncio.wrap_future(future), SUBMIT_SECONDS)
    except TimeoutError:
        raise ClusterError(
            f"the cluster hasn't answered for {SUBMIT_SECONDS:g} s; the search isn't submitted"
        ) from None
    if not isinstance(made, Search):
        kind, message = made
        message, field = _in_fields(message)
        status = 409 if kind in _CONFLICTS else 422
        raise RefusedError(status, "invalid", message, field=field)
    if asked.warm_start is None:
        return made
    store = context.board.store
    return await run_in_threadpool(submitter.with_warm_start, store, made, asked.warm_start)


def _in_fields(message: str) -> tuple[str, str | None]:
    """Return the message with fields in the place of options, and the first of these fields."""
    named: list[str] = []

    def field_of(option: re.Match[str]) -> str:
        field = option[1].replace("-", "_")
        if field not in Submission.model_fields:
            return option[0]
        named.append(field)
        return field

    return _OPTION.sub(field_of, message), next(iter(named), None)


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header[len(BEARER) :] if header.lower().startswith(BEARER) else None


async def _check_token(gate: Gate, token: str) -> None:
    wait = gate.throttle.wait()
    if wait > 0:
        raise RefusedError(
            429, "throttled", f"too many wrong tokens: try again in {wait:.0f} s", retry_after=wait
        )
    if not await run_in_threadpool(gate.fits, token):
        gate.throttle.failed()
        raise RefusedError(401, "login_required", "this isn't the dashboard's token")


def _session_answer(request: Request, session: Session, *, set_cookie: bool) -> Response:
    gate = context_of(request).gate
    answered = answer(request, session_state(gate, session))
    if set_cookie:
        answered.set_cookie(
            COOKIE,
            gate.cookie(session),
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return answered
