"""JSON responses, compressed for clients that accept gzip."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from alignsearch.dashboards.models.encoding import EncodedJson


def json_response(request: Request, data: Any, status: int = 200) -> Response:
    """Respond with models or plain data as JSON."""
    response = encoded_response(request, EncodedJson.of(data))
    response.status_code = status
    return response


def encoded_response(
    request: Request, encoded: EncodedJson, headers: Mapping[str, str] | None = None
) -> Response:
    """Respond with JSON that is already encoded, as gzip if the client accepts it."""
    content, sent = encoded.content, {"Vary": "Accept-Encoding", **(headers or {})}
    if encoded.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content, sent["Content-Encoding"] = encoded.compressed, "gzip"
    return Response(content, media_type="application/json", headers=sent)
