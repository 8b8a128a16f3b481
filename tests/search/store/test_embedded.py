"""The embedded store with real processes: shared, stopped, killed, damaged."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.store import Store, embedded
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import listens

ENSURE = """
import sys
from pathlib import Path
from alignsearch.search.store.embedded import EmbeddedStore

print("ready", flush=True)
sys.stdin.readline()
print(EmbeddedStore(Path(sys.argv[1])).ensure(), flush=True)
"""


def server_processes(folder):
    """The pids of all servers of a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        if f"{folder}/data".encode() in command.split(b"\0"):
            found.append(int(entry.name))
    return found


def digest(folder):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.iterdir())
    }


@pytest.fixture
def server(tmp_path):
    # A space, as users' folders have them.
    embedded = EmbeddedStore(tmp_path / "my project" / ".alignsearch")
    yield embedded
    for pid in server_processes(embedded.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_it_starts_when_it_is_needed_and_stops_when_told(server):
    assert not server.status().running
    assert not server.folder.exists()
    uri = server.ensure()
    with Store.connect(uri) as store:
        store.logs.add_event("s", "me", "created")
    status = server.status()
    assert (status.running, status.uri) == (True, uri)
    assert server_processes(server.folder) == [status.pid]
    assert status.data_size > 0
    assert server.ensure() == uri
    assert server.stop()
    assert server_processes(server.folder) == []
    assert not server.status().running
    assert not server.stop()
    with Store.connect(server.ensure()) as store:
        assert [event.what for event in store.logs.events("s")] == ["created"]


def test_only_the_user_can_look_into_the_folder(server):
    server.ensure()
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_it_listens_on_the_loopback_interface_only(server):
    port = int(server.ensure().rstrip("/").rpartition(":")[2])
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_processes_that_start_at_once_share_one_server(server):
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", ENSURE, str(server.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for starter in starters:
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        starter.stdin.write("go\n")
        starter.stdin.flush()
    uris = {starter.communicate()[0].strip() for starter in starters}
    assert uris == {server.status().uri}
    assert len(server_processes(server.folder)) == 1


def test_two_folders_have_two_servers(server, tmp_path):
    other = EmbeddedStore(tmp_path / "other")
    try:
        with Store.connect(server.ensure()) as here, Store.connect(other.ensure()) as there:
            here.logs.add_event("s", "me", "here")
            assert there.logs.events("s") == []
    finally:
        other.stop()


def test_interrupting_the_command_that_started_it_leaves_it_running(server, monkeypatch):
    # Interrupts are ignored in a shell's background jobs: the server must still obey stop.
    command = f"trap '' INT; exec {sys.executable} -c '{ENSURE}' '{server.folder}'"
    starter = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    starter.stdin.write("go\n")
    starter.stdin.flush()
    assert starter.stdout.readline() == "ready\n"
    uri = starter.stdout.readline().strip()
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate()
    assert server.status().uri == uri
    Store.connect(uri).close()
    monkeypatch.setattr(embedded, "STOP_SECONDS", 600.0)
    started = time.monotonic()
    assert server.stop()
    # It ended by itself: it would have been killed after that.
    assert time.monotonic() - started < 300


def test_a_server_that_died_is_replaced_under_its_old_port(server):
    uri = server.ensure()
    with Store.connect(uri) as store:
        store.logs.add_event("s", "me", "created")
        os.kill(server.status().pid, signal.SIGKILL)
        assert server.ensure() == uri
        assert [event.what for event in store.logs.events("s")] == ["created"]


WAITING_SERVER = """#!/bin/sh
while [ ! -e "{go}" ]; do sleep 0.05; done
exec "{command}" "$@"
"""


def test_a_port_that_the_server_before_kept_open_for_a_moment_is_waited_for(
    server, tmp_path, monkeypatch
):
    go = tmp_path / "go"
    waiting = tmp_path / "secantusd-waiting"
    command = Path(sys.executable).parent / embedded.COMMAND
    waiting.write_text(WAITING_SERVER.format(go=go, command=command))
    waiting.chmod(0o700)
    monkeypatch.setattr(embedded, "COMMAND", str(waiting))
    # The first connection is refused however long it is tried.
    monkeypatch.setattr(embedded, "ANSWER_SECONDS", 0.1)
    looks = []

    def look(port):
        # At first the server before still has the port. Then nobody, until the new one may start.
        looks.append(len(looks) == 0 or listens(port))
        if len(looks) == 2:
            monkeypatch.setattr(embedded, "ANSWER_SECONDS", 300.0)
            go.touch()
        return looks[-1]

    monkeypatch.setattr(embedded, "listens", look)
    with Store.connect(server.ensure(), timeout=300.0) as store:
        store.ping()
    assert looks[:2] == [True, False]
    assert looks[-1]


def test_another_program_under_the_recorded_pid_is_left_alone(server):
    server.folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "3600"]) as bystander:
        record = {"pid": bystander.pid, "port": 1024, "started_at": "2026-01-01T00:00:00Z"}
        (server.folder / "store.json").write_text(json.dumps(record))
        assert not server.status().running
        assert not server.stop()
        (server.folder / "store.json").write_text(json.dumps(record))
        server.ensure()
        assert bystander.poll() is None
        bystander.kill()
    assert server.status().running


def test_a_taken_port_is_avoided(server, server_uri):
    port = int(server_uri.rstrip("/").rpartition(":")[2])
    server.folder.mkdir(parents=True)
    record = {"pid": 2**22 - 1, "port": port, "started_at": "2026-01-01T00:00:00Z"}
    (server.folder / "store.json").write_text(json.dumps(record))
    uri = server.ensure()
    assert uri != server_uri
    assert server.status().uri == uri


def test_settings_that_lie_about_are_not_read(server, tmp_path, monkeypatch):
    (tmp_path / "secantusd.toml").write_text("nonsense [")
    monkeypatch.chdir(tmp_path)
    assert server.ensure()


def test_a_port_file_that_cannot_be_read_is_named_and_left_as_it_is(server):
    server.folder.mkdir(parents=True)
    record = server.folder / "store.json"
    for garbage in (b"", b"{", b"\xff\xfe\x00", b'{"pid": 1}', b"[1, 2]"):
        record.write_bytes(garbage)
        for call in (server.ensure, server.status, server.stop):
            with pytest.raises(StoreCorruptedError, match=r"store\.json.*delete this file"):
                call()
        assert record.read_bytes() == garbage
    record.unlink()
    assert server.ensure()


def test_a_running_server_that_no_file_names_is_found_again(server):
    """A command that was killed just after it had started the server leaves it so."""
    uri = server.ensure()
    pid = server.status().pid
    (server.folder / "store.json").unlink()
    assert server.ensure() == uri
    assert (server.status().pid, server_processes(server.folder)) == (pid, [pid])
    (server.folder / "store.json").unlink()
    assert server.stop()
    assert server_processes(server.folder) == []


def test_a_folder_that_was_deleted_under_its_server_begins_anew(server):
    with Store.connect(server.ensure()) as store:
        store.logs.add_event("s", "me", "created")
    (before,) = server_processes(server.folder)
    shutil.rmtree(server.folder)
    with Store.connect(server.ensure()) as store:
        assert store.logs.events("s") == []
    assert server.status().pid != before
    assert before in server_processes(server.folder)


@pytest.fixture(scope="module")
def used_data(tmp_path_factory):
    """The data folder of a server that was used and stopped."""
    server = EmbeddedStore(tmp_path_factory.mktemp("used"))
    with Store.connect(server.ensure()) as store:
        for _ in range(50):
            store.logs.add_event("s", "me", "created")
    server.stop()
    return server.data


@pytest.mark.parametrize(
    "damaged",
    ["WiredTiger.turtle", "WiredTiger.wt", "WiredTigerLog.*", "secantus_*.wt", "*.wt"],
)
def test_damaged_data_are_reported_in_time_and_left_as_they_are(
    server, used_data, damaged, monkeypatch
):
    shutil.copytree(used_data, server.data)
    files = list(server.data.glob(damaged))
    assert files
    for file in files:
        file.write_bytes(b"garbage " * 700)
    before = digest(server.data)
    monkeypatch.setattr(embedded, "START_SECONDS", 600.0)
    started = time.monotonic()
    with pytest.raises(StoreCorruptedError, match=r"(?s)Restore.*move it away.*store\.log ends"):
        server.ensure()
    # A start that nothing answers is waited for so long.
    assert time.monotonic() - started < 300
    assert server_processes(server.folder) == []
    after = digest(server.data)
    assert {name: after[name] for name in (file.name for file in files)} == {
        name: before[name] for name in (file.name for file in files)
    }
    shutil.move(server.data, server.folder / "aside")
    assert server.ensure()


@pytest.mark.parametrize("lost", ["secantus_documents_*.wt", "secantus_collections.wt"])
def test_missing_data_are_reported_and_no_empty_store_takes_their_place(server, used_data, lost):
    shutil.copytree(used_data, server.data)
    files = list(server.data.glob(lost))
    assert files
    files[0].unlink()
    before = digest(server.data)
    with pytest.raises(StoreCorruptedError, match=rf"its data lack {files[0].name}.*Restore"):
        server.ensure()
    assert server_processes(server.folder) == []
    assert digest(server.data) == before
    shutil.copy(used_data / files[0].name, files[0])
    with Store.connect(server.ensure()) as store:
        assert len(store.logs.events("s")) == 50


def test_data_that_were_copied_while_it_was_stopped_are_a_backup(server, used_data):
    server.ensure()
    server.stop()
    shutil.rmtree(server.data)
    shutil.copytree(used_data, server.data)
    with Store.connect(server.ensure()) as store:
        assert len(store.logs.events("s")) == 50


def test_a_file_in_the_folders_place_is_named(server):
    server.folder.parent.mkdir(parents=True)
    server.folder.write_text("mine")
    for call in (server.ensure, server.stop):
        with pytest.raises(StoreCorruptedError, match=r"\.alignsearch.*must be a folder"):
            call()
    assert server.folder.read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_named():
    with pytest.raises(StoreCorruptedError, match="that you may write to"):
        EmbeddedStore(Path("/proc/.alignsearch")).ensure()


def test_its_folder_is_its_owners_alone(server):
    server.folder.mkdir(parents=True, mode=0o755)
    server.ensure()
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.log.stat().st_mode) == 0o600


def test_a_long_log_begins_anew_while_the_server_runs(server, monkeypatch):
    uri = server.ensure()
    with server.log.open("a") as log:
        log.write("a line\n" * 100)
    monkeypatch.setattr("alignsearch.search.store.embedded.LOG_BYTES", 600)
    assert server.ensure() == uri
    assert server.log.read_text() == ""
    kept = server.log.with_name("store.log.1")
    assert kept.read_text().endswith("a line\n")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


HOLD = """
import sys
from alignsearch.search.store import Store

with Store.connect(sys.argv[1]):
    print("connected", flush=True)
    sys.stdin.readline()
"""


def test_its_users_are_the_other_processes_that_are_connected(server):
    assert server.users() == []
    uri = server.ensure()
    with Store.connect(uri):
        assert server.users() == []
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as user:
            assert user.stdout.readline() == "connected\n"
            assert server.users() == [user.pid]
            user.stdin.write("enough\n")
            user.stdin.flush()
            assert server.users(patience=300.0) == []
