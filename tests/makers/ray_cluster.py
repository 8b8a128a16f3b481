"""A real Ray cluster of one host, in processes of its own, with a TPU's resources to place on."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from driving import driving, wait_until

from alignsearch.search.driver.driver import Driver
from alignsearch.search.store.processes import free_port
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

RAY = Path(sys.executable).with_name("ray")
LIMITS = (
    "--disable-usage-stats",
    # Nobody follows the workers' logs.
    "--include-log-monitor=false",
    f"--object-store-memory={cluster.LOCAL_RAY['object_store_memory']}",
)

STARTED = "This command will now block"
"""Printed by `ray start --block` when all of the head's processes run."""
SECONDS = 300.0


TRIES = 3
"""Starts of a head: a busy machine may start not all of its processes in time, and it ends then."""


@contextmanager
def ray_head(log):
    """Start a head with 2 CPUs and a slice's 8 TPU chips that aren't there; yield HOST:PORT.

    Whoever connects to it then finds it listening.
    """
    # A short name: sockets lie below it, whose paths may have 107 bytes.
    folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
    head = None
    try:
        for _ in range(TRIES):
            port = free_port()
            head = _started(port, folder.name, log)
            wait_until(partial(_has_started_or_ended, head, log), SECONDS)
            if head.poll() is None:
                break
        assert head.poll() is None, log.read_text()
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()
        try:
            head.wait(300.0)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
        folder.cleanup()


def _has_started_or_ended(head, log):
    return STARTED in log.read_text() or head.poll() is not None


def _started(port, folder, log):
    """Start the head's command, whose output goes to the log."""
    command = [
        str(RAY),
        "start",
        "--head",
        f"--port={port}",
        "--node-ip-address=127.0.0.1",
        "--num-cpus=2",
        '--resources={"TPU": 8, "TPU-v5litepod-16-head": 1}',
        "--include-dashboard=false",
        *LIMITS,
        f"--temp-dir={folder}",
        "--block",
    ]
    with log.open("w") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)


def connect_patiently(address):
    """Connect to a head that was started a moment ago; it takes some seconds to listen."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return cluster.connect(address)
        except cluster.ClusterError:
            assert time.monotonic() < deadline, "the head doesn't listen"
            time.sleep(0.5)


def driven_on_ray(store, uri, name):
    """Drive a search of the store at the URI over Ray, in a thread; yields its outcomes."""
    driver = Driver(store, name, lambda search: RayDispatcher(search, uri), owner="a test")
    return driving(driver, patience=300.0)
