"""Answers of the API: JSON made once, compressed where the client takes it."""

import gzip
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

_WORTH_COMPRESSING = 1000
_LEVEL = 6


@dataclass(frozen=True)
class Payload:
    """JSON, and the same compressed where that is shorter."""

    content: bytes
    compressed: bytes | None

    @classmethod
    def of(cls, data: Any) -> "Payload":
        """Encode models or plain data; a number that is none becomes null."""
        content = to_json(data, inf_nan_mode="null")
        if len(content) < _WORTH_COMPRESSING:
            return cls(content, None)
        return cls(content, gzip.compress(content, _LEVEL, mtime=0))

    def response(self, request: Request, headers: dict[str, str] | None = None) -> Response:
        """The payload as the client takes it."""
        headers = {"Vary": "Accept-Encoding", **(headers or {})}
        if self.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.compressed, media_type="application/json", headers=headers)
        return Response(self.content, media_type="application/json", headers=headers)


def answer(request: Request, data: Any, status: int = 200) -> Response:
    """Models or plain data as JSON."""
    made = Payload.of(data).response(request)
    made.status_code = status
    return made
