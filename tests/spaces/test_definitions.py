"""Definitions found by their addresses: modules, files, entry points, and what is wrong there."""

import hashlib
import importlib
import pickle
import subprocess
import sys
from importlib import metadata

import pytest
from hyperopt import hp

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.definition import Definition, Row, Source, Table
from alignsearch.spaces.definitions import (
    SHIPPED,
    definition_of,
    find_definition,
    import_file,
    installed_names,
    source_hash,
)
from alignsearch.spaces.fair import FAIR
from alignsearch.spaces.feedback import FEEDBACK_SPACES
from alignsearch.spaces.hyperopt_space import from_hyperopt

MIRROR = """
import math
import hyperopt
import dateutil.parser
from hyperopt import hp
import beside
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.hyperopt_space import from_hyperopt

SPACE = {"lr": hp.loguniform("lr", -7, 0)}

def train(config):
    return config["lr"]

search = Definition(space=from_hyperopt(SPACE, name="mirror"), objective=train, metric="error")
number = 3
constants = {"a": 1}
twice = [hp.uniform("x", 0, 1), hp.uniform("x", 0, 1)]
odd = {"f": hp.choice("f", [1, train])}

class Owner:
    definition = search
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder with a file, beside which a module lies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mirror.py").write_text(MIRROR)
    (tmp_path / "beside.py").write_text("value = 1\n")
    yield tmp_path
    for name in [n for n, m in sys.modules.items() if _lies_in(m, tmp_path)]:
        del sys.modules[name]


def _lies_in(module, folder):
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))


def test_shipped_definitions_are_the_papers_four_the_feedback_rules_and_the_compared():
    assert SHIPPED.keys() == SPACES.keys() | FEEDBACK_SPACES.keys() | FAIR.keys()
    ia = find_definition("ia")
    assert ia.space is SPACES["ia"]
    assert (ia.objective, ia.direction, ia.heading) == ("training", "minimize", ia.space.title)
    assert len(ia.table.rows) == 22
    assert ia.labels["bo_relu"] == "BO ReLU"
    assert ia.source == Source("shipped", "ia")


def test_a_file_is_imported_with_its_source(folder):
    found = find_definition("mirror.py:search")
    assert (found.space.name, found.metric) == ("mirror", "error")
    assert found.objective({"lr": 2}) == 2
    source = found.source
    assert (source.kind, source.address) == ("file", "mirror.py:search")
    assert source.path == folder / "mirror.py"
    # The module beside it that it imports is a part of its source.
    assert source.beside == ("beside.py",)
    size = len(MIRROR.encode())
    whole = f"mirror.py\n{size}\n{MIRROR}beside.py\n10\nvalue = 1\n"
    assert source.sha256 == hashlib.sha256(whole.encode()).hexdigest()
    assert source.packages == {
        "alignsearch": metadata.version("alignsearch"),
        "hyperopt": metadata.version("hyperopt"),
        "python-dateutil": metadata.version("python-dateutil"),
    }


def test_an_expression_alone_is_a_space_without_an_objective(folder):
    found = find_definition("mirror.py:SPACE")
    assert (found.space.name, found.objective) == ("SPACE", None)
    assert found.space == from_hyperopt({"lr": hp.loguniform("lr", -7, 0)}, name="SPACE")
    assert find_definition("mirror.py:Owner").space.name == "mirror"
    assert find_definition("mirror.py:Owner.definition").space.name == "mirror"
    assert definition_of(SPACES["wm"], "any").space is SPACES["wm"]


@pytest.mark.parametrize("name", ["search", "spaces", "workers", "json", "hyperopt", "my-own file"])
def test_a_file_may_have_any_name_and_hides_no_module(folder, name):
    (folder / f"{name}.py").write_text(MIRROR)
    before = set(sys.modules)
    found = find_definition(f"{name}.py:search")
    assert found.space.name == "mirror"
    new = {each for each in set(sys.modules) - before if _lies_in(sys.modules[each], folder)}
    assert {each.partition("_file_")[0] for each in new - {"beside"}} == {"alignsearch"}
    # Python's and the installed modules of this name are still found.
    if name in ("json", "hyperopt"):
        assert not _lies_in(importlib.import_module(name), folder)


def test_an_objective_is_pickled_by_its_address_only(folder):
    pickled = pickle.dumps(find_definition("mirror.py:search").objective)
    code = f"import pickle; pickle.loads({pickled!r})"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError: No module named 'alignsearch_file_mirror_" in elsewhere.stderr
    assert b"lr" not in pickled


def test_a_changed_file_is_imported_anew_within_the_same_second(folder):
    file = folder / "mirror.py"
    first = find_definition("mirror.py:search")
    assert find_definition("mirror.py:search").objective is first.objective
    file.write_text(MIRROR.replace('config["lr"]', 'config["xx"]'))
    second = find_definition("mirror.py:search")
    assert second.objective({"xx": 5}) == 5
    assert second.source.sha256 != first.source.sha256
    file.write_text(MIRROR)
    assert find_definition("mirror.py:search").source.sha256 == first.source.sha256


def _package(folder, name="mirrors"):
    package = folder / name
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "mine.py").write_text(MIRROR)
    sys.path.append(str(folder))
    return package


def test_a_module_is_imported_and_all_files_of_its_package_are_its_source(folder):
    package = _package(folder)
    found = find_definition("mirrors.inner.mine:search")
    assert (found.source.kind, found.source.path) == ("module", package / "inner" / "mine.py")
    hashes = {found.source.sha256}
    (package / "README.md").write_text("no source")
    assert source_hash(found.source.path) in hashes
    for change in (
        lambda: (package / "__init__.py").write_text("x = 1"),
        lambda: (package / "other.py").write_text(""),
        lambda: (package / "other.py").rename(package / "inner" / "other.py"),
    ):
        change()
        changed = source_hash(found.source.path)
        assert changed not in hashes
        hashes.add(changed)
    # Where the package lies makes no difference.
    package.rename(folder / "moved")
    (folder / "moved").rename(folder / "mirrors")
    assert source_hash(folder / "mirrors" / "inner" / "mine.py") == changed


def test_a_package_adds_definitions_by_entry_points(folder):
    _package(folder, "plugged")
    info = folder / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[alignsearch.definitions]\nmirror = plugged.inner.mine:search\n"
    )
    importlib.invalidate_caches()
    assert installed_names() == ["mirror"]
    found = find_definition("mirror")
    assert found.space.name == "mirror"
    assert (found.source.kind, found.source.address) == ("module", "plugged.inner.mine:search")
    with pytest.raises(UnknownNameError, match="did you mean mirror"):
        find_definition("miror")


def test_importing_a_definition_imports_no_tensorflow(folder):
    code = (
        "import sys\n"
        "from alignsearch.spaces.definitions import find_definition\n"
        "assert 'hyperopt' not in sys.modules\n"
        "find_definition('mirror.py:search')\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("boom", "def f():\n    return 1 / 0\n\nf()\n", r"boom.py:2: ZeroDivisionError: division"),
        ("syntax", "x = 1\ndef f(:\n", r"syntax.py:2: SyntaxError: invalid syntax"),
        ("lacks", "import no_such_module\n", r"lacks.py:1: ModuleNotFoundError: No module named"),
        ("ends", "import sys\nsys.exit(3)\n", r"ends.py:2: SystemExit: 3"),
        ("lines", "raise ValueError('a\\nb')\n", r"lines.py:1: "),
        ("label", "from hyperopt import hp\nhp.uniform(3, 0, 1)\n", r"label.py:2: TypeError"),
    ],
)
def test_a_file_that_raises_is_named_with_its_line(folder, name, content, said):
    (folder / f"{name}.py").write_text(content)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=said) as refused:
            find_definition(f"{name}.py:search")
        assert "\n" not in str(refused.value)
    sys.path.append(str(folder))
    with pytest.raises(ConfigurationError, match=said):
        find_definition(f"{name}:search")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("gone.py:search", "there is no file gone.py in "),
        ("./mirror:search", r"there is no file ./mirror in .*; did you mean mirror.py:search"),
        ("mirror.py", "mirror.py needs the name of the definition in it: mirror.py:search"),
        ("mirror.py:", "is no address of a definition"),
        (":search", "is no address of a definition"),
        ("gone.inner:search", "there is no module gone; install it"),
        ("mirror:search", "there is no module mirror; for the file, write mirror.py:search"),
        ("mirror.py:number", "mirror.py:number: number is of type int, no space"),
        ("mirror.py:train", "train is of type function, no space"),
        ("mirror.py:constants", "space 'constants' has no dimension to search"),
        ("mirror.py:twice", r"mirror.py:twice: label 'x' stands for two dimensions: at space\[0\]"),
        ("mirror.py:odd", r'mirror.py:odd: space\["f"\]\[1\] is train, no plain data'),
        ("math:pi", "pi is of type float"),
        ("itertools:chain", "chain is of type type, no space"),
    ],
)
def test_what_is_no_definition_is_refused_in_one_line(folder, address, said):
    with pytest.raises(ConfigurationError, match=said) as refused:
        find_definition(address)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mirror.py:serch", "no object of mirror.py is named 'serch'; did you mean search"),
        ("mirror.py:search.spase", "is named 'search.spase'; did you mean"),
        ("wm_ops", "no definition is named 'wm_ops'; did you mean wm_ad_ops"),
    ],
)
def test_an_unknown_name_is_named_with_its_neighbours(folder, address, said):
    with pytest.raises(UnknownNameError, match=said):
        find_definition(address)


def test_a_file_is_imported_once_until_it_changes(folder):
    assert import_file(folder / "mirror.py") is import_file(folder / "mirror.py")


def test_impossible_definitions_are_refused():
    space = SPACES["wm"]
    table = Table("T", (Row("σ", "sigma"),))
    assert Definition(space=space, table=table, title="mine").heading == "mine"
    for wrong in ({"metric": ""}, {"direction": "up"}, {"objective": 3}):
        with pytest.raises(ConfigurationError):
            Definition(space=space, **wrong)


@pytest.mark.parametrize(
    ("in_package", "remedy"),
    [
        (True, r"write parts\.own:NAME, with the package installed or PYTHONPATH="),
        (False, "write `import NAME`"),
    ],
)
def test_a_file_that_imports_as_a_module_of_a_package_is_told_how(tmp_path, in_package, remedy):
    package = tmp_path / "parts"
    package.mkdir()
    (package / "own.py").write_text("from . import neighbour\n")
    if in_package:
        (package / "__init__.py").write_text("")
    with pytest.raises(ConfigurationError, match=remedy) as refused:
        find_definition(f"{package / 'own.py'}:search")
    assert "\n" not in str(refused.value)
