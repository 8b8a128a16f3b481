"""Exception handlers: errors become JSON for programs and a page for people."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.dashboards.web.behind_proxy import inner_path, root_of
from alignsearch.dashboards.web.guard import error_json
from alignsearch.search.documents.errors import (
    ClusterError,
    NameTakenError,
    StateConflictError,
    StoreCorruptedError,
    StoreUnavailableError,
)
from alignsearch.search.use_cases.refusals import message_of
from alignsearch.search.use_cases.submission import Submission

_KNOWN: Sequence[tuple[type[AlignSearchError], int, str]] = (
    (UnknownNameError, 404, "unknown_name"),
    (ConfigurationError, 422, "invalid"),
    (StateConflictError, 409, "conflict"),
    (NameTakenError, 409, "conflict"),
    (ClusterError, 409, "conflict"),
    (StoreUnavailableError, 503, "store_unavailable"),
    (StoreCorruptedError, 503, "store_damaged"),
)
_CODES = {404: "not_found", 405: "wrong_method", 413: "too_large"}
_RETRY_SECONDS = 2
"""Retry-After while the store is away: about as long as an embedded store takes to start."""
_LONGEST_INPUT = 80
"""Characters of a refused value that the message repeats."""


class RefusedError(Exception):
    """Refuses a request with an HTTP status, a code and a message."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.status = status
        self.code = code
        self.retry_after = retry_after


def add_handlers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(AlignSearchError, _ours)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _ours(request: Request, error: Exception) -> Response:
    status, code = next(
        ((status, code) for kind, status, code in _KNOWN if isinstance(error, kind)),
        (422, "invalid"),
    )
    headers = {"Retry-After": str(_RETRY_SECONDS)} if status == 503 else {}
    return _answer(request, status, code, str(error), headers=headers)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:.0f}"}
    return _answer(
        request, error.status, error.code, str(error), field=error.field, headers=headers
    )


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    match first["loc"]:
        case ("body", str() as name):
            message = message_of(first, name, Submission.model_fields)
            return _answer(request, 422, "invalid", message, field=name)
    field = ".".join(str(part) for part in first["loc"][1:]) or None
    given = repr(first.get("input"))
    if len(given) > _LONGEST_INPUT:
        given = f"{given[:_LONGEST_INPUT]}…"
    where = f"{field}: " if field else ""
    return _answer(request, 422, "invalid", f"{where}{first['msg']}, not {given}", field=field)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = f"there is nothing at {request.url.path}"
        if not root_of(request):
            message += (
                "; where a proxy shows the dashboard below a path prefix, start it with --root-path"
            )
    elif error.status_code == 405:
        message = (
            f"{request.url.path} takes no {request.method}: {root_of(request)}/docs lists the "
            "requests that there are"
        )
    code = _CODES.get(error.status_code, "invalid")
    return _answer(request, error.status_code, code, message, headers=dict(error.headers or {}))


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    if inner_path(request.scope).startswith("/api/") or "text/html" not in request.headers.get(
        "accept", ""
    ):
        content = error_json(code, message, field)
        return Response(content, status, headers, media_type="application/json")
    render: Any = request.app.state.render
    title = HTTPStatus(status).phrase
    context = {
        "status": status,
        "title": title,
        "message": message,
        "links": _links(request, status),
    }
    page: Response = render(request, "error", status_code=status, **context)
    page.headers.update(headers or {})
    return page


def _links(request: Request, status: int) -> list[tuple[str, str]]:
    root = root_of(request)
    links = [("All searches", f"{root}/"), ("Submit a search", f"{root}/submit")]
    return links if status < 500 else [("Try again", "")]
