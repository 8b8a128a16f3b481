"""A short `make chaos`: each kind of fault once in a search, over a real cluster."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).with_name("chaos.py")


def say(*arguments):
    ended = subprocess.run(
        [sys.executable, str(CHAOS), *arguments, "--short"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "every trial ended" in ended.stdout
    return ended.stdout


# The program has limits of its own, whose messages say what it waited for.
@pytest.mark.timeout(900)
def test_a_search_outlives_every_kind_of_death():
    assert "disturbed: 6 faults, 1 drivers restarted" in say("rehearsal")


@pytest.mark.timeout(1800)
def test_a_function_over_choices_in_choices_gives_the_same_whatever_dies():
    said = say("nested")
    for name in ("disturbed", "one-slot"):
        assert f"{name}: 6 faults, 1 drivers restarted" in said
    assert "with one slot, the points and losses are those of the search left alone" in said
