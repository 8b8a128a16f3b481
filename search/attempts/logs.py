"""Logging of long-running processes: text lines for people, or JSON lines for programs."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

from alignsearch.search.documents.visible_text import visible, visible_json

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

OUR_PACKAGES = ("alignment_core", "alignsearch")
"""Packages whose log level `--log-level` sets; others log warnings only."""
_PASSWORD = re.compile(r"([\w+]{1,31}://[^:@/\s]*):(?!//)[^\s]*@")
"""A URI's password, and what stands before it. The scheme's end alone is looked for, of a limited
length: in a text of megabytes without a space, each letter may begin a scheme."""
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def log_to_stderr(format: LogFormat, level: LogLevel) -> None:
    """Log to standard error: our packages from `level` on, all others from warnings on."""
    handler = StandardError()
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in OUR_PACKAGES:
        logging.getLogger(package).setLevel(level.upper())


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to the standard error of the moment: the one of before may be closed by now."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as a line."""
        self.stream = sys.stderr
        super().emit(record)


class TextFormatter(logging.Formatter):
    """Formats a record as a line of time, level and message, without passwords of URIs."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return visible(without_passwords(super().format(record)))


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, message, error, fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {key: value for key, value in vars(record).items() if key not in _USUAL}
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        text = json.dumps(document, default=str, ensure_ascii=False)
        return visible_json(without_passwords(text))


def without_passwords(text: str) -> str:
    """Return the text with `***` in place of each URI's password."""
    return _PASSWORD.sub(r"\1:***@", text)
