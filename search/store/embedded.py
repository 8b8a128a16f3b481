"""The embedded store: a MongoDB-wire server for one folder, started when a command needs it.

SecantusDB runs as a separate process on a free port of the loopback interface and is never
imported. A lock and a port file let every command of the folder share one server, which
outlives the commands. The server has no users: everyone who can log in to this machine can connect
to it, so a shared machine needs a MongoDB with users instead.
"""

import fcntl
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from alignsearch.search.documents.errors import (
    StoreCorruptedError,
    StoreFailedError,
    StoreUnavailableError,
)
from alignsearch.search.store import data_files, embedded_errors
from alignsearch.search.store.connection import INDEXES, StoreConnection
from alignsearch.search.store.places import Places
from alignsearch.search.store.processes import (
    HOST,
    command_line,
    connected_to,
    free_port,
    has_open,
    listens,
    lives,
    running_with,
    wait_until,
)

COMMAND = "secantusd-py"
"""The server's program, beside this Python's."""

START_SECONDS = 60.0
"""Seconds for a start: replaying a long log takes long, and damaged data end the server at once."""
ANSWER_SECONDS = 5.0
"""Seconds for an answer of a server that listens already."""
STOP_SECONDS = 10.0
"""Seconds for two interrupts, after which the server is killed."""
LOCK_SECONDS = 90.0
"""Seconds to wait for another command's lock, which it may hold for START_SECONDS."""
PORT_TRIES = 3
"""Ports tried, because another program can take a free port before the server does."""
LOG_LINES = 3
"""Last lines of the server's log that an error quotes: an exception, or a cause and an effect."""
LOG_BYTES = 2**24
"""Size at which the server's log is rotated; one earlier log is kept."""


class ServerFile(BaseModel):
    """The port file: process id and port of the folder's server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    port: int
    started_at: AwareDatetime

    @property
    def uri(self) -> str:
        """The server's URI on this machine."""
        return f"mongodb://{HOST}:{self.port}/"


@dataclass(frozen=True)
class StoreStatus:
    """The server's state: its address and process if it runs; data_size in bytes on disk."""

    running: bool
    uri: str | None
    pid: int | None
    data_size: int


class EmbeddedStore:
    """The server of one folder. Several processes may use this folder at once."""

    def __init__(self, folder: Path = Path(".alignsearch")) -> None:
        """Name the folder; nothing is read or written yet."""
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "store.log"
        self._old_log = self.folder / "store.log.1"
        self._server_file = self.folder / "store.json"
        self._config = self.folder / "store.toml"

    def ensure(self) -> str:
        """Return the server's URI, starting the server if it doesn't run.

        Raises:
            StoreCorruptedError: the folder or the data in it can't be used; nothing was changed.
            StoreUnavailableError: the server can't be started now.
        """
        with self._usable(), self._locked():
            self._rotate_log()
            recorded = self._recorded()
            if running := self._running(recorded):
                if self._answers(running) and self._is_sound(running):
                    return running.uri
                self._end(running)
                recorded = running
            # Its old port first: clients of a server that died find the new one.
            return self._start(recorded.port if recorded else free_port()).uri

    def status(self) -> StoreStatus:
        """Return whether the server runs, and how much the folder holds; starts nothing.

        Raises:
            StoreCorruptedError: it is no folder, or the port file can't be read.
        """
        server = None
        if self.folder.exists():
            with self._usable():
                server = self._recorded()
        size = sum(file.stat().st_size for file in self.data.glob("*"))
        if server is None or not self._runs(server):
            return StoreStatus(running=False, uri=None, pid=None, data_size=size)
        return StoreStatus(running=True, uri=server.uri, pid=server.pid, data_size=size)

    def users(self, patience: float = 0.0) -> list[int]:
        """Return the other processes that are connected to the server, as far as can be seen.

        patience: seconds to wait for them to end by themselves.

        Raises:
            StoreCorruptedError: the folder or the port file can't be used.
        """
        uri = self.status().uri
        if uri is None:
            return []
        port = int(uri.rstrip("/").rpartition(":")[2])
        wait_until(lambda: not connected_to(port), patience)
        return connected_to(port)

    def stop(self) -> bool:
        """Stop the server and wait until it is gone; return False if it didn't run.

        Raises:
            StoreCorruptedError: the folder or the port file can't be used.
        """
        if not self.folder.exists():
            return False
        with self._usable(), self._locked():
            running = self._running(self._recorded())
            if running is not None:
                # The port file stays: clients that wait for the store find it where it was.
                self._end(running)
        return running is not None

    def _recorded(self) -> ServerFile | None:
        try:
            text = self._server_file.read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error
        try:
            return ServerFile.model_validate_json(text)
        except ValidationError as error:
            raise self._unreadable(error.errors()[0]["msg"]) from error

    def _runs(self, server: ServerFile) -> bool:
        """Return whether the process is this folder's server, not a later one of the same id."""
        wanted = f"--port {server.port} --storage-path {self.data} "
        return wanted in command_line(server.pid)

    def _running(self, recorded: ServerFile | None) -> ServerFile | None:
        """Return this folder's server if it runs, whether the port file names it or not."""
        if recorded is not None and self._runs(recorded):
            return recorded
        return self._unnamed()

    def _unnamed(self) -> ServerFile | None:
        """Return this folder's server if it runs and no file names it, and write that file.

        A command that was killed just after it started the server leaves one.
        """
        path = re.escape(str(self.data))
        found = running_with(re.compile(rf"--port (\d+) --storage-path {path} "))
        # A server whose folder was deleted, and made again, has other files open.
        if found is None or not has_open(found[0], self.data):
            return None
        pid, port = found
        return self._record(ServerFile(pid=pid, port=int(port), started_at=datetime.now(UTC)))

    def _is_sound(self, server: ServerFile) -> bool:
        """Return whether the server reads its data; after a full disk it doesn't until a restart.

        Raises:
            StoreUnavailableError: the disk is still full; a restart would write even more.
        """
        try:
            with closing(StoreConnection(server.uri, ANSWER_SECONDS)) as connection:
                connection.find_one("meta", {"_id": ""})
        except StoreFailedError as error:
            if lacking := data_files.lacking_room(self.data):
                raise embedded_errors.disk_full(self.folder, lacking) from error
            return False
        return True

    def _start(self, port: int) -> ServerFile:
        if lost := data_files.missing(self.data):
            what = f"its data lack {', '.join(lost)}"
            raise embedded_errors.damaged(self.folder, self.data, what)
        for _ in range(PORT_TRIES):
            log_start = self._log_size()
            server = self._spawn(port)
            try:
                if self._came_up(server, log_start):
                    data_files.note(self.data)
                    return server
            except BaseException:
                self._end(server)
                self._server_file.unlink(missing_ok=True)
                raise
            self._end(server)
            port = free_port()
        raise StoreUnavailableError(
            f"the store in {self.folder} found no free port in {PORT_TRIES} tries: try again"
        )

    def _rotate_log(self) -> None:
        if self._log_size() > LOG_BYTES:
            shutil.copyfile(self.log, self._old_log)
            self._old_log.chmod(0o600)
            # The server goes on appending to the same file.
            os.truncate(self.log, 0)

    def _spawn(self, port: int) -> ServerFile:
        command = Path(sys.executable).parent / COMMAND
        if not command.exists():
            raise StoreUnavailableError(
                f"the embedded store's server isn't installed ({command} is missing): install "
                "alignsearch again, or give the URI of a MongoDB with --store"
            )
        if self.folder.stat().st_uid == os.getuid():
            # Others must not read the searches, even if the user made the folder readable.
            self.folder.chmod(0o700)
        # An empty one, so that no secantusd.toml of this machine is read.
        self._config.touch(mode=0o600)
        arguments = [
            str(command),
            *("--host", HOST),
            *("--port", str(port)),
            *("--storage-path", str(self.data)),
            *("--log-level", "WARNING"),
            *("--config", str(self._config)),
            # No replica reads the oplog, which costs a third of every write.
            "--standalone",
        ]
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # A session of its own: Ctrl-C in the terminal must not reach it.
        pid = os.posix_spawn(
            command,
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            # A shell makes its background jobs ignore the signal that stops the server.
            setsigdef=[signal.SIGINT],
        )
        server = ServerFile(pid=pid, port=port, started_at=datetime.now(UTC))
        try:
            return self._record(server)
        except BaseException:
            # The disk may be full. A server that no file names could be ended by no command.
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not lives(pid), STOP_SECONDS)
            raise

    def _record(self, server: ServerFile) -> ServerFile:
        new = self._server_file.with_suffix(".new")
        new.write_text(server.model_dump_json() + "\n")
        new.replace(self._server_file)
        return server

    def _answers(self, server: ServerFile) -> bool:
        """Wait until the server answers; False if it has ended or another program has its port.

        Raises:
            StoreUnavailableError: the server lives and doesn't answer.
        """

        def listens_or_ended() -> bool:
            return not lives(server.pid) or listens(server.port)

        until = time.monotonic() + START_SECONDS
        while wait_until(listens_or_ended, until - time.monotonic()):
            if not lives(server.pid):
                return False
            try:
                with closing(StoreConnection(server.uri, ANSWER_SECONDS)) as connection:
                    # Two folders' servers that start at once can have chosen the same port.
                    return connection.server_pid() == server.pid
            except StoreUnavailableError:
                if lives(server.pid) and listens(server.port):
                    raise
            # The process that listened has ended: this server, or the one before it, whose last
            # threads keep the port open for a moment after a kill.
        raise StoreUnavailableError(
            f"the server of the store in {self.folder} (process {server.pid}) hasn't answered "
            f"within {START_SECONDS:.0f} s: look into {self.log}, or run `alignsearch store "
            "stop` and try again"
        )

    def _came_up(self, server: ServerFile, log_start: int) -> bool:
        """Wait until a new server serves sound data; return False if its port is taken."""
        if self._answers(server):
            self._look_into(server, log_start)
            return True
        words = self._last_words(log_start)
        if not lives(server.pid) and "Address already in use" not in words:
            raise self._not_started(words)
        return False

    def _look_into(self, server: ServerFile, log_start: int) -> None:
        """Read from every collection, because a damaged file shows at its first read only."""
        try:
            with closing(StoreConnection.open(server.uri, ANSWER_SECONDS)) as connection:
                for collection in (*INDEXES, "counters"):
                    connection.find_one(collection, {"_id": ""})
                Places(connection).note_folder(self.data)
        except (StoreUnavailableError, StoreCorruptedError) as error:
            broken = isinstance(error, StoreFailedError | StoreCorruptedError)
            if not broken and lives(server.pid):
                raise
            raise self._not_started(self._last_words(log_start)) from error

    def _not_started(self, words: str) -> StoreUnavailableError | StoreCorruptedError:
        return embedded_errors.not_started(self.folder, self.data, self._server_file, words)

    def _end(self, server: ServerFile) -> None:
        # A server that has only just begun to answer may miss the first interrupt.
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            if not lives(server.pid):
                return
            os.kill(server.pid, number)
            if wait_until(lambda: not lives(server.pid), STOP_SECONDS / 2):
                return

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _last_words(self, log_start: int) -> str:
        with self.log.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()
        # A traceback's inner lines are indented: only the exception stays.
        words = [line for line in lines if line and not line.startswith((" ", "Traceback"))]
        last = "\n  ".join(words[-LOG_LINES:] or ["(nothing)"])
        return f"{self.log} ends with:\n  {last}"

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield
        except StoreUnavailableError:
            raise
        except OSError as error:
            raise embedded_errors.unusable(self.folder, error) from error

    def _unreadable(self, why: object) -> StoreCorruptedError:
        return embedded_errors.unreadable(self._server_file, self.data, why)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock: only one command at a time starts or stops the server."""

        def taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        with (self.folder / "store.lock").open("a") as lock:
            if not wait_until(taken, LOCK_SECONDS):
                raise StoreUnavailableError(
                    f"another command has been starting or stopping the store in {self.folder} "
                    f"for {LOCK_SECONDS:.0f} s: end it, then try again"
                )
            yield
