"""Where a learning rule of one's own is found: in a file, and not in a notebook's cells."""

import importlib
import sys
import types

import pytest

from alignment_core.errors import ConfigurationError

RULE = """
from hyperopt import hp

import alignsearch


def training(config):
    return {"learning_rule": "weight_mirror", "weights": {"amp": config["amp"], "decay": 0.1}}


search = alignsearch.RuleSearch(None, {"amp": hp.uniform("amp", 0, 1)}, training)
"""


def test_a_rule_of_a_notebook_is_refused_with_what_to_do_and_that_helps(
    tmp_path, monkeypatch, store_uri
):
    # A notebook's cells are a module that has no file.
    cells = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", cells)
    exec(RULE, vars(cells))
    options = {"store": store_uri, "name": "rule", "trials": 2, "dataset": "rehearsal"}
    with pytest.raises(ConfigurationError, match=r"%%writefile mirror\.py") as refused:
        cells.search.submit(**options)
    assert "from mirror import search" in str(refused.value)
    (tmp_path / "mirror.py").write_text(RULE)
    monkeypatch.syspath_prepend(tmp_path)
    search = importlib.import_module("mirror").search
    with search.submit(**options) as submitted:
        source = submitted.search.definition.source
    assert (source.kind, source.address) == ("module", "mirror:search")
    assert source.path == str(tmp_path / "mirror.py")
    del sys.modules["mirror"]
