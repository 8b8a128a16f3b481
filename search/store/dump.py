"""Dump and load of one search: a file of JSON lines that holds its documents without loss.

The first line is a header with format and schema version. Each line after it is one document in
MongoDB's canonical Extended JSON, which keeps every BSON type, with its collection's name. The last
line has the number of documents and a hash of all lines before it. A file is written compressed if
its name ends in .gz.
"""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import IO, Any

from bson import json_util

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import NAME_FORM, NAME_RULE
from alignsearch.search.documents.checkpoint_names import inherited_by_a_copy
from alignsearch.search.store.address import check_file
from alignsearch.search.store.connection import SCHEMA_VERSION, Record
from alignsearch.search.store.dump_checks import PARTS, Checks, Findings
from alignsearch.search.store.store import Store
from alignsearch.search.store.unfinished import sweep, unfinished
from alignsearch.search.store.whole import BATCH, renamed

FORMAT = "alignsearch search"
LONGEST_LINE = 2**26
"""Characters of a line: MongoDB's documents have at most 2**24 bytes, and JSON escapes some."""
MOST_DOCUMENTS = 10**8
"""Documents of one search: a small compressed file can hold any number of them."""

_EXACT = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True, tzinfo=UTC)
_END = re.compile(r'\{"documents": \d+, "sha256": "[0-9a-f]{64}"\}')


def dump(store: Store, name: str, file: Path) -> int:
    """Write the search to a new file; return how many documents that are.

    Each trial of a search that goes on meanwhile is written as it was at one moment. Documents that
    can't be read are written as they are stored, and a line that is logged names them.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: the file exists, or can't be written.
    """
    # A name that is too long, say, is told when the file is opened.
    with suppress(OSError):
        # Also where there is nothing left to write: a kill may have struck just after that.
        sweep(file.parent)
        if file.exists():
            raise ConfigurationError(f"{file} exists already: name another file")
    folders = inherited_by_a_copy(store.searches.get(name))
    digest = hashlib.sha256()
    written = 0
    found = Findings()
    try:
        with (
            unfinished(file) as path,
            _opened(path, "xt", compressed=file.suffix == ".gz") as out,
        ):

            def line(text: str) -> None:
                digest.update(text.encode())
                out.write(text)

            header = {
                "format": FORMAT,
                "schema": SCHEMA_VERSION,
                "name": name,
                "checkpoint_folders": folders,
            }
            line(json.dumps(header) + "\n")
            for collection, document in store.copies.documents(name):
                text = json_util.dumps(document, json_options=_EXACT)
                line(f'{{"collection": {json.dumps(collection)}, "document": {text}}}\n')
                written += 1
                found.note(collection, document)
            if not written:
                raise UnknownNameError("search", name, ())
            end = {"documents": written, "sha256": digest.hexdigest()}
            out.write(json.dumps(end) + "\n")
    except OSError as error:
        raise ConfigurationError(f"{file} can't be written: {error.strerror or error}") from error
    found.say(name, file)
    return written


@dataclass(frozen=True)
class Checked:
    """A file that was read once and holds one search, whole and undamaged.

    Attributes:
        folders: names of the checkpoint folders that the search's copy may read.
    """

    file: Path
    checksum: str
    search: Record
    counter: Record
    folders: tuple[str, ...] = ()


def check(file: Path) -> Checked:
    """Read a whole file and check that it can be loaded.

    Raises:
        ConfigurationError: the file can't be read, is damaged, holds documents that belong to no
            search, or was written by a newer version.
    """
    checks = Checks()
    checksum = _read(file, checks.take, checks.begin)
    if checks.search is None or checks.counter is None:
        raise _bad(file, "it lacks the search or its counter")
    if checks.counter["seq"] < checks.last_seq:
        raise _bad(file, "its counter is behind its trials")
    return Checked(file, checksum, checks.search, checks.counter, checks.folders)


def load(
    store: Store,
    checked: Checked,
    *,
    name: str | None = None,
    who: str = "",
    source: str | None = None,
) -> str:
    """Insert a file's search with all its documents into the store; return the search's name.

    The search can't be seen before all documents are inserted. A load that was broken off goes on
    when the same file is loaded again. The copy has a folder of its own for checkpoints.

    Args:
        store: the store.
        checked: the file, as `check` returned it.
        name: the search's name here; None for the one in the file.
        who: the author of an event that says that it was loaded; empty for no event.
        source: how that event calls the file; None for its path.

    Raises:
        ConfigurationError: the file was changed since it was checked, or the name can't be used.
        NameTakenError: the store has a search of this name.
    """
    old: str = checked.search["_id"]
    new = name or old
    if not NAME_FORM.fullmatch(new):
        raise ConfigurationError(f"{new!r} can't be the name of a search: {NAME_RULE}")
    copy = store.copies.begin_load({**checked.counter, "_id": new}, checked.checksum)
    batches: dict[str, list[Record]] = {part: [] for part in PARTS}

    def write(collection: str, document: Record) -> None:
        if collection not in PARTS:
            return
        batch = batches[collection]
        batch.append(renamed(collection, document, old, new))
        if len(batch) == BATCH:
            store.copies.load_each(collection, batch, copy)
            batch.clear()

    if _read(checked.file, write) != checked.checksum:
        raise _bad(checked.file, "it was changed while it was read")
    for collection, batch in batches.items():
        if batch:
            store.copies.load_each(collection, batch, copy)
    if who:
        called = source or str(checked.file)
        detail = called if new == old else f"{old} from {called}"
        store.copies.note_load(new, copy, who, detail)
    store.copies.finish_load(renamed("searches", checked.search, old, new), copy, checked.folders)
    return new


def _read(
    file: Path,
    take: Callable[[str, Any], None],
    begin: Callable[[Record], None] = lambda _: None,
) -> str:
    """Call `begin` with the header, and `take` with each collection and document.

    Return the checksum of all lines.
    """
    reader = _Reader()
    try:
        check_file(file)
        with _opened(file, "rt", compressed=_is_compressed(file)) as lines:
            return reader.read(lines, take, begin)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad(file, f"it can't be read ({error})") from error
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise _bad(file, f"line {reader.number}: {words[0]}") from error


def _is_compressed(file: Path) -> bool:
    """Return whether a file is compressed, by its first bytes: its name may have changed."""
    with file.open("rb") as opened:
        return opened.read(2) == b"\x1f\x8b"


class _Reader:
    def __init__(self) -> None:
        self.number = 1
        self._digest = hashlib.sha256()

    def read(
        self,
        lines: IO[str],
        take: Callable[[str, Any], None],
        begin: Callable[[Record], None],
    ) -> str:
        """Read an open file as `_read` does; raise ValueError at the line `number`."""
        text = _line(lines)
        begin(_checked_header(text))
        while not _END.fullmatch(text.rstrip("\n")):
            self._digest.update(text.encode())
            self.number += 1
            if self.number > MOST_DOCUMENTS:
                raise ValueError(f"a search has {MOST_DOCUMENTS} documents at most")
            text = _line(lines)
            if not text:
                raise ValueError("the file has no end: it is truncated")
            if not _END.fullmatch(text.rstrip("\n")):
                take(*_parsed(text))
        checksum = self._digest.hexdigest()
        if json.loads(text) != {"documents": self.number - 2, "sha256": checksum} or _line(lines):
            raise ValueError("the checksum is not that of the lines before it")
        return checksum


def _parsed(text: str) -> tuple[str, Any]:
    found = json_util.loads(text, json_options=_EXACT)
    if not isinstance(found, dict) or found.keys() != {"collection", "document"}:
        raise ValueError("this is no document of a search")
    return found["collection"], found["document"]


def _line(lines: IO[str]) -> str:
    text = lines.readline(LONGEST_LINE + 1)
    if len(text) > LONGEST_LINE:
        raise ValueError("it is longer than any document")
    return text


def _checked_header(text: str) -> Record:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("this file was not made by `alignsearch dump`")
    schema = header.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA_VERSION:
        raise ValueError(
            f"its documents have schema version {schema!r}, and this program knows versions up to "
            f"{SCHEMA_VERSION}: upgrade alignsearch"
        )
    return header


def _bad(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{file} can't be loaded: {why}; nothing was loaded")


@contextmanager
def _opened(file: Path, mode: str, *, compressed: bool) -> Iterator[IO[str]]:
    opener: Callable[..., Any] = gzip.open if compressed else open
    with opener(file, mode, encoding="utf-8") as opened:
        yield opened
