"""A part of `make chaos`: a search on each kind of store under faults of many kinds."""

import os
import subprocess
import sys
from pathlib import Path

import mongod
import pytest

from campaign.journal import Journal
from campaign.stores import STORES

TESTS = Path(__file__).parents[2]
FAULTS = 34
"""On each store: a hundred on all."""
ROUNDS = 4
"""A busy machine may come to fewer faults before a search is over: then another one is struck."""


# The program has limits of its own, whose messages say what it waited for.
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("store", STORES)
def test_nothing_is_wrong_after_a_round_of_faults(store, tmp_path):
    if store != "embedded" and (why := mongod.missing()):
        pytest.skip(why)
    log = tmp_path / "chaos.jsonl"
    for _ in range(ROUNDS):
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "campaign", "--rounds", "1", "--most", str(FAULTS + 4)),
                *("--store", store),
                *("--search", "rehearsal", "--log", str(log)),
                *("--table", str(tmp_path / "faults.md")),
            ],
            env={**os.environ, "PYTHONPATH": f"{TESTS / 'faults'}{os.pathsep}{TESTS / 'makers'}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        journal = Journal(log)
        if sum(journal.counts().values()) >= FAULTS:
            break
    assert sum(journal.counts().values()) >= FAULTS, ended.stdout
    assert set(journal.findings().values()) == {0}
    assert "| worker kill |" in (tmp_path / "faults.md").read_text()
