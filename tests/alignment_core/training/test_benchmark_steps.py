"""The network of `make bench-core` takes each of its rules in turn."""

from importlib import import_module
from pathlib import Path

import numpy as np


def test_the_benchmarks_network_takes_every_rule(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    steps = import_module("core_steps")
    network = steps.Network(steps.Size(pixels=8, batch=2, stem="small", width=2))
    kinds = set()
    for name, config in steps.RULES.items():
        if name != "backpropagation":
            network._take(steps.rule_of(config))
            kinds |= {type(layer.learning_rule) for layer in network.layers}
    assert len(kinds) == 7
    assert np.isfinite(network.step(steps.RULES["SA"]).run()).all()
