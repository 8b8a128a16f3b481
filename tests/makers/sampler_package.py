"""A package that adds samplers by entry points, installed for one test."""

import importlib
import sys
from textwrap import dedent

import pytest


@pytest.fixture
def install_samplers(tmp_path, monkeypatch):
    """Install a package `oddpack` 1.2 with a module of its name, and these entry points by name.

    module: the module's name, if it is another one.

    Returns a function that takes it away again.
    """

    def install(source, module="oddpack", **points):
        folder = tmp_path / "site"
        info = folder / "oddpack-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(dedent(source))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oddpack\nVersion: 1.2\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[alignsearch.samplers]", *lines, ""]))
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, module, raising=False)

        def remove():
            sys.path.remove(str(folder))
            importlib.invalidate_caches()

        return remove

    yield install
    sys.modules.pop("oddpack", None)
