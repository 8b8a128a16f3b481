"""The names that `import alignsearch` offers, and the modules that it loads."""

import json
import subprocess
import sys

import pytest

import alignsearch

SLOW = ["tensorflow", "ray", "pandas", "hyperopt", "numpy", "pydantic", "pymongo"]


@pytest.mark.parametrize("name", alignsearch.__all__)
def test_every_public_name_is_there(name):
    assert getattr(alignsearch, name) is not None
    assert name in dir(alignsearch)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'Clientele'"):
        alignsearch.Clientele  # noqa: B018


def test_importing_it_imports_nothing_slow(tmp_path):
    code = (
        f"import sys, json, alignsearch; print(json.dumps([m for m in {SLOW} if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
