"""`make chaos` in short: each kind of death once, in one search over a real cluster."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).with_name("chaos.py")


# Within, it has limits of its own, which say what did not come.
@pytest.mark.timeout(900)
def test_a_search_outlives_every_kind_of_death():
    ended = subprocess.run(
        [sys.executable, str(CHAOS), "--short"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "disturbed: 6 faults, 1 drivers restarted" in ended.stdout
    assert "every trial ended" in ended.stdout
