"""A real Ray cluster of one host, in processes of its own, with a TPU's resources to place on."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from alignsearch.workers import cluster

BIN = Path(sys.executable).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory):
    """HOST:PORT of a cluster with 2 CPUs and a slice's 8 TPU chips that aren't there."""
    port = free_port()
    # A short name: sockets lie below it, whose paths may have 107 bytes.
    folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
    command = [
        str(BIN / "ray"),
        "start",
        "--head",
        f"--port={port}",
        "--node-ip-address=127.0.0.1",
        "--num-cpus=2",
        '--resources={"TPU": 8, "TPU-v5litepod-16-head": 1}',
        "--include-dashboard=false",
        "--disable-usage-stats",
        # Nobody follows the workers' logs.
        "--include-log-monitor=false",
        f"--object-store-memory={cluster.LOCAL_RAY['object_store_memory']}",
        f"--temp-dir={folder.name}",
        "--block",
    ]
    log = tmp_path_factory.mktemp("log") / "ray.log"
    with log.open("w") as out:
        head = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()
        try:
            head.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
        folder.cleanup()
