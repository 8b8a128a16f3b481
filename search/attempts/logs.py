"""Logs of what runs for long: lines for people, or a JSON document a line for programs."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

OUR_PACKAGES = ("alignment_core", "alignsearch")
_PASSWORD = re.compile(r"(\w[\w+]*://[^:@/\s]*):(?!//)[^\s]*@")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def log_to_stderr(format: LogFormat, level: LogLevel) -> None:
    """Write what our packages log from `level` on, and others' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in OUR_PACKAGES:
        logging.getLogger(package).setLevel(level.upper())


class TextFormatter(logging.Formatter):
    """Time, level and message in a line; passwords in URIs are hidden."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return without_passwords(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, error, and what `extra` named."""

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
        return without_passwords(json.dumps(document, default=str, ensure_ascii=False))


def without_passwords(text: str) -> str:
    """Hide the passwords of URIs in a text."""
    return _PASSWORD.sub(r"\1:***@", text)
