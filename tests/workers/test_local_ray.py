"""The Ray that a command starts on this machine: who can reach it, and why it does not start."""

import json
import os
import stat
import subprocess
import sys

PATIENCE = 600.0

LISTENING = """
import json
import psutil
from alignsearch.workers import cluster

cluster.connect(None)
me = psutil.Process()
found = [
    connection.laddr.ip
    for process in (me, *me.children(recursive=True))
    for connection in process.net_connections(kind="tcp")
    if connection.status == "LISTEN"
]
print(json.dumps(found), flush=True)
cluster.disconnect()
"""

FAILING = """
from alignsearch.workers import cluster

cluster.LOCAL_RAY = {**cluster.LOCAL_RAY, "_temp_dir": "/proc/nowhere"}
cluster.connect(None)
"""

SLOW = """
import psutil
from ray._private import services
from alignsearch.workers import cluster

held = []
start_raylet = services.start_raylet

def named(name):
    return [p for p in psutil.Process().children(recursive=True) if p.name() == name]

def start_and_hold(*arguments, **options):
    # Ray waits 30 s for the first raylet, which does nothing.
    started = start_raylet(*arguments, **options)
    if not held:
        held.append(psutil.Process(started.process.pid))
        held[0].suspend()
    return started

services.start_raylet = start_and_hold
hosts = cluster.connect(None)
alive = [p for p in named("raylet") + named("gcs_server") if p.status() != psutil.STATUS_ZOMBIE]
print(len(hosts), len(held), held[0] in alive, sorted(p.name() for p in alive), flush=True)
cluster.disconnect()
"""


def program(code, home):
    """Run a program that has no token of Ray's, in a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_it_listens_on_loopback_alone_and_its_token_is_its_owners(tmp_path):
    token = tmp_path / ".ray" / "auth_token"
    for before in (None, 0o644):
        if before is not None:
            # As Ray itself would have made it.
            token.chmod(before)
        ended = program(LISTENING, tmp_path)
        assert ended.returncode == 0, ended.stderr
        listening = json.loads(ended.stdout.splitlines()[-1])
        assert len(listening) > 3
        assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert len(token.read_text()) == 64


def test_why_it_cannot_start_is_one_line(tmp_path):
    ended = program(FAILING, tmp_path)
    last = ended.stderr.strip().splitlines()[-1]
    assert "ClusterError: Ray can't be started on this machine: " in last
    assert "/proc/nowhere" in last


def test_a_start_that_was_too_slow_is_tried_once_more_and_leaves_nothing(tmp_path):
    ended = program(SLOW, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "1 1 False ['gcs_server', 'raylet']"
