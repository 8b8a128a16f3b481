"""JSON responses as bytes, encoded and compressed once."""

import gzip
from dataclasses import dataclass
from typing import Any, Self

from pydantic_core import to_json

_LEAST_COMPRESSED = 1000
"""Bytes; a shorter response fits into one network packet anyway."""
_LEVEL = 6
"""gzip's own default: higher levels take much longer for a few percent."""


@dataclass(frozen=True)
class EncodedJson:
    """JSON as bytes.

    Attributes:
        content: the JSON.
        compressed: the same as gzip; None where compressing isn't worth it.
    """

    content: bytes
    compressed: bytes | None

    @classmethod
    def of(cls, data: Any) -> Self:
        """Encode models or plain data; NaN and infinity become null."""
        content = to_json(data, inf_nan_mode="null")
        if len(content) < _LEAST_COMPRESSED:
            return cls(content, None)
        return cls(content, gzip.compress(content, _LEVEL, mtime=0))
