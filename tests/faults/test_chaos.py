"""A short `make chaos`: each kind of fault once, in one search over a real cluster."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).with_name("chaos.py")


# The program has limits of its own, whose messages say what it waited for.
@pytest.mark.timeout(900)
def test_a_search_outlives_every_kind_of_death():
    ended = subprocess.run(
        [sys.executable, str(CHAOS), "--short"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "disturbed: 6 faults, 1 drivers restarted" in ended.stdout
    assert "every trial ended" in ended.stdout
