"""A command's output: on standard output, or in the file that `-o` names.

No letter ends a command: one that the output's encoding lacks is written as an escape. An output
that can't be written, as on a full disk, is an error in one line.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from alignment_core.errors import AlignSearchError, ConfigurationError


class OutputError(AlignSearchError, OSError):
    """The output can't be written to where it was to go."""


class _Stream:
    """A text stream whose errors are told in words."""

    def __init__(self, stream: "TextIO | _File", where: str) -> None:
        self._stream = stream
        self._where = where

    def write(self, text: str) -> int:
        """Write the text."""
        try:
            return self._stream.write(self._encodable(text))
        except OSError as error:
            raise self._told(error) from error

    def flush(self) -> None:
        """Write what the stream still holds."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._told(error) from error

    def close(self) -> None:
        """Write what is held, and close nothing: the process's streams outlive a library's log.

        absl's logging closes the stream that it has found, unless it is still the process's own.
        """
        self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _encodable(self, text: str) -> str:
        # A stream in memory has none, and takes every letter.
        encoding = self._stream.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.encode(encoding, "backslashreplace").decode(encoding)
        return text

    def _told(self, error: OSError) -> OSError:
        # A reader that has seen enough, like `head`, has closed the pipe: no error for people.
        if error.errno == errno.EPIPE:
            return error
        return OutputError(f"the output can't be written to {self._where}: {error.strerror}")


class _File:
    """The file of `-o`, which gets its content once the command has ended well."""

    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        self._path = path
        # A pipe or a device can't be replaced by a file that is complete.
        self._replaces = path.is_file() or not path.exists()
        self._opened: TextIO | None = None
        folder = path.parent
        for problem, wrong in (
            (errno.EISDIR, path.is_dir()),
            (errno.ENOENT, not folder.is_dir()),
            (errno.EACCES, not os.access(folder if self._replaces else path, os.W_OK)),
        ):
            if wrong:
                raise ConfigurationError(f"--output {path}: {os.strerror(problem)}")

    def write(self, text: str) -> int:
        return self._stream().write(text)

    def flush(self) -> None:
        self._stream().flush()

    def isatty(self) -> bool:
        return False

    def finish(self) -> None:
        self._stream().close()
        if self._replaces:
            self._written.replace(self._path)

    def discard(self) -> None:
        if self._opened is not None and not self._opened.closed:
            try:
                self._opened.close()
            finally:
                if self._replaces:
                    self._written.unlink(missing_ok=True)

    @property
    def _written(self) -> Path:
        return self._path.with_name(f".alignsearch.{os.getpid()}.part")

    def _stream(self) -> TextIO:
        if self._opened is None:
            opened = self._written if self._replaces else self._path
            self._opened = opened.open("w", encoding=self.encoding)
        return self._opened


class _Output:
    """The output of this process's command."""

    def __init__(self) -> None:
        self._file: _File | None = None
        self._before: dict[str, TextIO] = {}

    def begin(self) -> None:
        """Let the standard streams write every letter, and tell errors in words."""
        for name, where in (("stdout", "standard output"), ("stderr", "standard error")):
            stream = getattr(sys, name)
            # A process whose streams are closed has none.
            if stream is not None:
                self._before[name] = stream
                setattr(sys, name, _Stream(stream, where))

    def to_file(self, path: Path | None) -> Path | None:
        """Write into a file instead of standard output, in place of what it has.

        Raises:
            ConfigurationError: the file can't be written.
        """
        # A command line that is only parsed, as by completion, writes nothing.
        if path is not None and self._before:
            self._file = _File(path)
            sys.stdout = _Stream(self._file, str(path))
        return path

    def finish(self) -> None:
        """Write the rest, now that the command has ended well.

        Raises:
            OutputError: it can't be written.
        """
        if sys.stdout is not None:
            sys.stdout.flush()
        if self._file is not None:
            self._file.finish()

    def end(self) -> None:
        """Leave the streams as they were, and the file, too, if the command has failed."""
        for name, stream in self._before.items():
            setattr(sys, name, stream)
        self._before = {}
        if self._file is not None:
            self._file.discard()
            self._file = None


output = _Output()
