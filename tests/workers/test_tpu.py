"""A TPU host's chips: who holds them, and a host that is one of several in a slice."""

import subprocess
import sys
import threading

import pytest

from alignsearch.search.documents.errors import ClusterError
from alignsearch.workers import tpu

HOLD = "import sys; file = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def chip(tmp_path):
    """A file in a chip's place."""
    path = tmp_path / "accel0"
    path.touch()
    return path


@pytest.fixture
def hold(chip):
    """Another process that holds it, until it is told to let go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(chip)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.stdin.close()


def test_only_chips_are_chips(tmp_path):
    (tmp_path / "vfio").mkdir()
    for name in ("accel0", "accel3", "accelerated", "vfio/0", "vfio/vfio", "null"):
        (tmp_path / name).touch()
    found = {str(path.relative_to(tmp_path)) for path in tpu.devices(tmp_path)}
    assert found == {"accel0", "accel3", "vfio/0"}


def test_chips_that_a_process_holds_are_waited_for(chip, hold):
    assert tpu.holders([chip]) == {hold.pid}
    threading.Timer(1.0, hold.stdin.close).start()
    tpu.wait_until_free([chip], patience=300.0)
    assert hold.stdin.closed
    assert tpu.holders([chip]) == set()


def test_who_keeps_the_chips_is_named(chip, hold):
    with pytest.raises(ClusterError, match=f"process {hold.pid} holds this host's TPU"):
        tpu.wait_until_free([chip], patience=0.1)


def test_a_host_of_a_slice_is_set_up_alone():
    slice_of_two = {"TPU_WORKER_HOSTNAMES": "host-0,host-1"}
    assert tpu.host_alone(slice_of_two, 4.0)["TPU_CHIPS_PER_HOST_BOUNDS"] == "2,2,1"
    alone = tpu.host_alone(slice_of_two, 8.0)
    assert (alone["TPU_CHIPS_PER_HOST_BOUNDS"], alone["TPU_HOST_BOUNDS"]) == ("2,4,1", "1,1,1")
    assert alone["TPU_VISIBLE_CHIPS"] == "0,1,2,3,4,5,6,7"
    assert tpu.host_alone({"TPU_WORKER_HOSTNAMES": "host-0"}, 8.0) == {}
    assert tpu.host_alone(slice_of_two, 1.0) == {}
