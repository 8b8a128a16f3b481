"""The simulation of `make bench-pruning`, over a made-up table."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from made_table import made_table
from scipy import stats


@pytest.fixture
def modules(monkeypatch):
    """The benchmark's modules by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return {
        name: import_module(name) for name in ("looked_up", "simulated_curves", "pruned_search")
    }


@pytest.fixture
def table(modules):
    return made_table(modules["looked_up"], most_seconds=1)


@pytest.mark.parametrize("early", [0.3, 0.6, 0.9])
def test_curves_end_at_the_tables_losses_and_agree_with_them_as_stated(modules, table, early):
    curves = modules["simulated_curves"].Curves(table, 0, early)
    last = [float(table.of(key)[0][0]) for key in table.at]
    found = np.array([curves.of(key, loss) for key, loss in zip(table.at, last, strict=True)])
    assert found.shape == (960, 45)
    assert [*found[:, -1]] == last
    for epoch in (1, 3, 9, 27):
        stated = early + (1 - early) * np.log(epoch) / np.log(45)
        # 960 curves tell a correlation to some hundredths.
        assert stats.spearmanr(found[:, epoch - 1], last)[0] == pytest.approx(stated, abs=0.08)
    assert (np.diff(found.mean(axis=0)[[0, 2, 8, 26, 44]]) < 0).all()


def test_pruned_trials_free_their_slots(modules, table):
    search = modules["pruned_search"].search
    plain = search(table, "none", 25, 3)
    # 25 at once: ten seconds for 250 trials of a second each.
    assert (plain.completed, plain.usual) == (250, pytest.approx(10))
    for pruner in ("asha", "median"):
        found = search(table, pruner, 25, 3, early=0.9, usual=1.2)
        # All that have not been completed are more than fit the slots.
        assert found.begun - found.completed > 25
        regrets = [regret for _, regret in found.falls]
        assert regrets == sorted(regrets, reverse=True)
        first = search(table, pruner, 25, 3, early=0.9, usual=1.2, target=regrets[0])
        assert first.falls == found.falls[:1]
