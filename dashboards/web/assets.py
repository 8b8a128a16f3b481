"""Static files, read and compressed once, under URLs that change with their content."""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "static"
IMMUTABLE = "public, max-age=31536000, immutable"
_IMPORT = re.compile(r'^import (?:.* from )?"(\.[^"]+)";', re.MULTILINE)
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True)
class Asset:
    """A static file: its bytes and its media type."""

    content: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes | None:
        """The bytes compressed by gzip; None for a media type that is compressed already."""
        if not self.media_type.startswith(_COMPRESSED):
            return None
        return gzip.compress(self.content, 9, mtime=0)

    def response(self, request: Request) -> Response:
        """Respond with the file, to be cached for good: its URL changes with its content."""
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        content = self.content
        if self.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content = self.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=self.media_type, headers=headers)


class Assets:
    """The files below `dashboards/static`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the folder's files."""
        found: Mapping[str, bytes] = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        digest = hashlib.sha256()
        for name, content in found.items():
            digest.update(name.encode() + b"\0" + content + b"\0")
        self.version = digest.hexdigest()[:12]
        self.prefix = f"/static/{self.version}"
        self._assets = {name: Asset(content, _media_type(name)) for name, content in found.items()}

    def find(self, version: str, name: str) -> Asset | None:
        """The file `name` of this version; None for an unknown name or another version."""
        return self._assets.get(name) if version == self.version else None

    def imports_of(self, name: str) -> list[str]:
        """The modules that a JavaScript module imports, directly and through others, by name.

        A page preloads them all at once, instead of one level of imports after the other.
        """
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            module = waiting.pop()
            folder = posixpath.dirname(module)
            for path in _IMPORT.findall(self._assets[module].content.decode()):
                imported = posixpath.normpath(posixpath.join(folder, path))
                if imported not in found:
                    found[imported] = None
                    waiting.append(imported)
        return sorted(found)

    def compress(self) -> None:
        """Compress all files now, so that the first reader doesn't wait for it."""
        for asset in self._assets.values():
            _ = asset.compressed


def _media_type(name: str) -> str:
    if name.endswith((".js", ".mjs")):
        return "text/javascript"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
