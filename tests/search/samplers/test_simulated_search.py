"""The simulation of `make bench-samplers`, over a made-up table."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from made_table import made_table


@pytest.fixture
def modules(monkeypatch):
    """The benchmark's modules by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    names = ("looked_up", "sampler_search", "sampler_peers", "sampler_report")
    return {name: import_module(name) for name in names}


@pytest.fixture
def table(modules):
    return made_table(modules["looked_up"], most_seconds=9)


class Listed:
    """A sampler that goes through a list, and notes what it is asked and told."""

    def __init__(self, table, seed):
        rng = np.random.default_rng(seed)
        self.points = [
            {axis.label: int(rng.integers(axis.size)) for axis in table.axes} for _ in range(400)
        ]
        self.heard = []

    def ask(self, tid, pending):
        self.heard.append(("asked", tid, sorted(pending)))
        return self.points[tid]

    def tell(self, tid, point, loss):
        assert point == self.points[tid]
        self.heard.append(("told", tid, loss))


@pytest.mark.parametrize("slots", [1, 7])
def test_a_trial_begins_as_soon_as_one_ends(modules, table, monkeypatch, slots):
    made = []

    def listed(table, seed):
        made.append(Listed(table, seed))
        return made[-1]

    monkeypatch.setitem(modules["sampler_peers"].PEERS, "listed", listed)
    modules["sampler_search"].search(table, "listed", slots, 5)
    draws = modules["looked_up"].Draws(table, 5)
    # Slot by slot: each takes the next trial when it is free.
    free, expected = [0.0] * slots, []
    for tid in range(modules["sampler_search"].TRIALS):
        slot = free.index(min(free))
        loss, lasts = draws.of(table.key_of(made[0].points[tid]), 0)
        free[slot] += lasts
        expected.append((free[slot], tid, loss))
    told = [each[1:] for each in made[0].heard if each[0] == "told"]
    assert told == [each[1:] for each in sorted(expected)]
    asked = [each for each in made[0].heard if each[0] == "asked"]
    assert {len(pending) for _, tid, pending in asked if tid >= slots} == {slots - 1}


def test_the_combined_sampler_is_ahead_of_random_points(modules, table):
    search = modules["sampler_search"].search
    found = {
        ("made", name, 10, seed): {
            "outcomes": {
                stage: vars(outcome)
                for stage, outcome in search(table, name, 10, seed).outcomes.items()
            },
            "seconds": 0.0,
        }
        for name in ("combined", "random")
        for seed in range(4)
    }
    lines = [*modules["sampler_report"].report(found, ["made"], ["combined", "random"], 10, 4)]
    (row,) = [line for line in lines if line.startswith("| all | best evaluated")]
    ours, chance = (float(cell.split()[0]) for cell in row.split("|")[3:5])
    assert ours < chance


def test_holms_correction(modules):
    # By hand: 3 x 0.01; 2 x 0.03; the last one is at least the one before it.
    assert modules["sampler_report"].holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
