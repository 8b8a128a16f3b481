"""A short `make test-cluster`: a cluster with users and TLS loses a host during a search."""

import subprocess
import sys
from pathlib import Path

import pytest

CLUSTER = Path(__file__).with_name("cluster.py")


# The program has limits of its own, whose messages say what it waited for.
@pytest.mark.timeout(2700)
def test_a_search_from_a_laptop_outlives_a_host_and_tells_no_secret():
    ended = subprocess.run(
        [sys.executable, str(CLUSTER), "--short"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for said in ("from the laptop, which has no Ray", "one host is cut off", "6 trials, each"):
        assert said in ended.stdout
    assert "no secret in any output, log, document" in ended.stdout
