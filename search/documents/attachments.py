"""Attachments of a result as HyperOpt has them: named texts or bytes, recorded as plain data."""

import base64
from collections.abc import Mapping
from typing import Any

ATTACHMENTS = "attachments"
"""Key of `Result.returned` under which the attachments are."""
_BASE64 = "base64"


def recorded(value: Any) -> Any:
    """Return an attachment as plain data: bytes as text."""
    return {_BASE64: base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def attachments_of(returned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attachments of a recorded return value by name, bytes as bytes again."""
    return {name: _attached(value) for name, value in returned.get(ATTACHMENTS, {}).items()}


def _attached(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {_BASE64}:
        return base64.b64decode(value[_BASE64])
    return value
