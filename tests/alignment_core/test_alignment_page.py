"""The examples of docs/alignment.md run, one after the other, as they are printed there."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "alignment.md"


# Keras 3 passes its variables to h5py without NumPy 2's copy keyword, which warns.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_every_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    names = {"__name__": "page"}
    said = []
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
            said.append(capsys.readouterr().out)
    finally:
        names["ac"].PRIMITIVES.pop("size", None)

    first = blocks[0].splitlines()
    assert len([line for line in first if line]) <= 15
    accuracy, angles = said[0].splitlines()
    assert float(accuracy) > 0.9
    assert all(angle < 60 for angle in eval(angles))
    assert "SparseMirror" in said[-2]
