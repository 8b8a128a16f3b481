"""Endpoints of the session, and the checks that every change passes first."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.web.auth import COOKIE, SESSION_SECONDS, Gate, Session
from alignsearch.dashboards.web.behind_proxy import forwarded_host, root_of
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.dashboards.web.responses import json_response

router = APIRouter(prefix="/api", responses=models.CHANGE_ERRORS)

BEARER = "bearer "


def session_of(request: Request) -> tuple[Session, bool]:
    """The request's session, and whether it is new."""
    gate = context_of(request).gate
    known = gate.session(request.cookies.get(COOKIE))
    return (known, False) if known is not None else (gate.new_session(), True)


def session_state(gate: Gate, session: Session) -> models.SessionState:
    """Describe a session to its page."""
    login = gate.login_of(session)
    why = {
        "needed": "log in with the dashboard's token to steer",
        "impossible": "this dashboard is open to the network and has no token, so it is read-only: "
        "make a token with `alignsearch dashboard --set-token`",
    }.get(login)
    return models.SessionState(
        user=session.user,
        can_steer=gate.author(session) is not None,
        login=login,
        why=why,
        csrf=gate.csrf(session),
    )


async def from_own_page(request: Request) -> None:
    """Refuse requests that another site's page could have sent (CSRF).

    Raises:
        RefusedError: the request isn't JSON, comes from another origin or lacks the CSRF token.
    """
    _check_page(request, "application/json", "JSON")


async def file_from_own_page(request: Request) -> None:
    """Refuse files that another site's page could have sent (CSRF).

    Raises:
        RefusedError: it isn't sent as bytes, comes from another origin or lacks the CSRF token.
    """
    _check_page(request, "application/octet-stream", "the file's bytes")


def _check_page(request: Request, wanted: str, what: str) -> None:
    # Another site's page may send neither type without asking this server first (CORS).
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != wanted:
        raise RefusedError(422, "invalid", f"send {what}, with Content-Type: {wanted}")
    if _bearer(request) is not None:
        return
    origin = request.headers.get("origin")
    own = (request.headers.get("host"), forwarded_host(request))
    if origin is not None and origin.partition("://")[2] not in own:
        raise RefusedError(
            403,
            "csrf",
            f"a page of {origin} may not steer this dashboard, which was asked for as "
            f"{own[0]}: a proxy before it must pass on the Host, with its port",
        )
    session, is_new = session_of(request)
    token = request.headers.get("x-csrf-token", "")
    if is_new or not context_of(request).gate.is_csrf(session, token):
        raise RefusedError(
            403, "csrf", "the page's session has ended: reload the page and try again"
        )


async def author_of(request: Request, _: Annotated[None, Depends(from_own_page)]) -> str:
    """The author of a change, as its events will name them.

    Raises:
        RefusedError: the person hasn't logged in, or this dashboard is read-only.
    """
    return _author(request)


async def file_author_of(request: Request, _: Annotated[None, Depends(file_from_own_page)]) -> str:
    """The author of a change that comes with a file, as `author_of`; the file isn't read yet."""
    return _author(request)


def _author(request: Request) -> str:
    gate = context_of(request).gate
    token = _bearer(request)
    if token is not None:
        if gate.token is None:
            raise RefusedError(403, "forbidden", "this dashboard has no token, so it accepts none")
        _check_token(request, token)
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
FileAuthor = Annotated[str, Depends(file_author_of)]


@router.get("/session", response_model=models.SessionState)
async def session(request: Request) -> Response:
    """Tell who is logged in, whether they may steer, and the CSRF token for changes."""
    found, is_new = session_of(request)
    return _session_answer(request, found, set_cookie=is_new)


@router.post("/login", response_model=models.SessionState, dependencies=[Depends(from_own_page)])
async def login(request: Request, asked: models.LoginRequest) -> Response:
    """Log in with the dashboard's token, under the name that events will carry."""
    gate = context_of(request).gate
    if gate.token is None:
        raise RefusedError(409, "conflict", "this dashboard has no token: there is no login")
    _check_token(request, asked.token)
    return _session_answer(request, gate.new_session(asked.name), set_cookie=True)


@router.post("/logout", response_model=models.SessionState, dependencies=[Depends(from_own_page)])
async def logout(request: Request, _: models.Nothing) -> Response:
    """Log out."""
    return _session_answer(request, context_of(request).gate.new_session(), set_cookie=True)


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header[len(BEARER) :] if header.lower().startswith(BEARER) else None


def _check_token(request: Request, token: str) -> None:
    """Pass the right token, at any time; count a wrong one before it is answered.

    Raises:
        RefusedError: it is a wrong one.
    """
    gate = context_of(request).gate
    # The client's own address, also behind a trusted proxy.
    address = request.client.host if request.client else ""
    if gate.fits(token, address):
        return
    wait = gate.throttle.failed(address)
    if wait > 0:
        raise RefusedError(
            429, "throttled", f"too many wrong tokens: try again in {wait:.0f} s", retry_after=wait
        )
    raise RefusedError(401, "login_required", "this isn't the dashboard's token")


def _session_answer(request: Request, session: Session, *, set_cookie: bool) -> Response:
    gate = context_of(request).gate
    answered = json_response(request, session_state(gate, session))
    if set_cookie:
        answered.set_cookie(
            COOKIE,
            gate.cookie(session),
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="strict",
            path=root_of(request) or "/",
            secure=request.url.scheme == "https",
        )
    return answered
