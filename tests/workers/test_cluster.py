"""The room on a cluster, resources as people write them, and clusters that can't be reached."""

import os
import socket
import subprocess
import sys
import time

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.errors import ClusterError
from alignsearch.search.documents.resources import parse_resources
from alignsearch.workers.cluster import connect, is_slow_start, why_not_started
from alignsearch.workers.hosts import Node, capacity, default_resources

LAPTOP = Node("laptop", {"CPU": 8.0})
GPU_BOX = Node("box", {"CPU": 16.0, "GPU": 4.0})
TPU_HOSTS = [Node(f"tpu-{n}", {"CPU": 96.0, "TPU": 8.0}) for n in range(60)]


@pytest.mark.parametrize(
    ("hosts", "per_trial", "room"),
    [
        ([LAPTOP], {"CPU": 1.0}, 8),
        ([LAPTOP], {"CPU": 0.6}, 13),
        ([LAPTOP], {"CPU": 3.0}, 2),
        ([LAPTOP, GPU_BOX], {"GPU": 1.0}, 4),
        ([GPU_BOX], {"GPU": 1.0, "CPU": 8.0}, 2),
        (TPU_HOSTS, {"TPU": 8.0}, 60),
        (TPU_HOSTS, {"TPU": 4.0}, 120),
        ([LAPTOP, LAPTOP], {"CPU": 5.0}, 2),
        ([LAPTOP], {"TPU": 8.0}, 0),
    ],
)
def test_room_is_counted_host_by_host(hosts, per_trial, room):
    assert capacity(hosts, per_trial) == room


def test_a_trial_takes_the_best_accelerator_there_is():
    assert default_resources([LAPTOP]) == {"CPU": 1.0}
    assert default_resources([LAPTOP, GPU_BOX]) == {"GPU": 1.0}
    assert default_resources([LAPTOP, GPU_BOX, *TPU_HOSTS]) == {"TPU": 8.0}


def test_resources_are_read_as_they_are_written():
    assert parse_resources("TPU=8") == {"TPU": 8.0}
    assert parse_resources("CPU=0.5, GPU=1") == {"CPU": 0.5, "GPU": 1.0}


@pytest.mark.parametrize(
    "text", ["", "TPU", "TPU=", "=8", "TPU=many", "TPU=0", "CPU=-1", "CPU=nan"]
)
def test_what_is_not_a_resource_is_refused(text):
    with pytest.raises(ConfigurationError, match="NAME=AMOUNT"):
        parse_resources(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("GPU=1.5", "whole amounts"),
        ("TPU=3", "1, 2, 4 or 8"),
        ("CPU=1,memory=5", "Ray's own"),
        ("CPU=0.00001", "from 0.0001 up"),
    ],
)
def test_what_ray_would_never_place_is_refused(text, why):
    with pytest.raises(ConfigurationError, match=why):
        parse_resources(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "The current node timed out during startup. This could happen because some of the "
            "raylet failed to startup or the GCS has become overloaded.",
            "likely busy or short of memory: try again in a moment (The current node timed out",
        ),
        ("[Errno 28] No space left on device\na page of logs", "what it most often lacks is"),
    ],
)
def test_a_ray_that_is_slow_to_start_is_told_from_one_that_cannot(words, said):
    error = RuntimeError(words)
    assert said in why_not_started(error)
    assert is_slow_start(error) == ("try again" in said)
    assert "\n" not in why_not_started(error)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "nonsense", "127.0.0.1:no", "host.invalid:6379"]
)
def test_a_cluster_that_is_not_there_is_said_at_once(address):
    with pytest.raises(ClusterError, match="no Ray at"):
        connect(address)


def test_another_program_at_the_address_is_told_from_ray(server_uri):
    """The store's port, say: it listens, and Ray would wait for it for minutes."""
    address = server_uri.removeprefix("mongodb://").rstrip("/")
    with pytest.raises(ClusterError, match=r"no Ray at .*leave --ray out"):
        connect(address)


def test_a_cluster_that_wants_a_token_says_so(ray_address):
    """In a process of its own: Ray reads its mode once."""
    program = f"from alignsearch.workers.cluster import connect; connect({ray_address!r})"
    without = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    wait_until_it_listens(ray_address)
    ended = subprocess.run(
        [sys.executable, "-c", program], env=without, capture_output=True, text=True, check=False
    )
    assert "ClusterError" in ended.stderr
    assert "RAY_AUTH_MODE=token" in ended.stderr


def wait_until_it_listens(address):
    host, port = address.split(":")
    deadline = time.monotonic() + 300
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
