"""Static files: read and compressed once, under names that change with their content."""

import gzip
import hashlib
import importlib.metadata
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "static"
IMMUTABLE = "public, max-age=31536000, immutable"
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True)
class Asset:
    """A file's bytes, what they are, and where they come compressed."""

    content: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes | None:
        """The bytes as gzip sends them; None for what gzip can't make smaller."""
        if not self.media_type.startswith(_COMPRESSED):
            return None
        return gzip.compress(self.content, 9, mtime=0)

    def response(self, request: Request) -> Response:
        """The file, which never changes under its name."""
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        content = self.content
        if self.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content = self.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=self.media_type, headers=headers)


class Assets:
    """The files of `dashboards/static` and plotly.js from the installed wheel, by URL path."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the folder's files; plotly.js is read when it is asked for."""
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
        self._plotly_folder = f"plotly-{importlib.metadata.version('plotly')}"
        self.plotly_url = f"/static/{self._plotly_folder}/plotly.min.js"

    def find(self, version: str, name: str) -> Asset | None:
        """The file `name` of this very version, if there is one."""
        if (version, name) == (self._plotly_folder, "plotly.min.js"):
            return self._plotly
        return self._assets.get(name) if version == self.version else None

    def compress(self) -> None:
        """Compress all files, so that nobody waits for it."""
        for asset in (*self._assets.values(), self._plotly):
            _ = asset.compressed

    @cached_property
    def _plotly(self) -> Asset:
        wheel = files("plotly") / "package_data" / "plotly.min.js"
        return Asset(wheel.read_bytes(), "text/javascript")


def _media_type(name: str) -> str:
    if name.endswith((".js", ".mjs")):
        return "text/javascript"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
