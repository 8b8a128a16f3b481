"""The files that belong to a module's source: those beside it that it imports, in turn."""

import hashlib

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.source_files import (
    files_beside,
    import_file,
    imported_packages,
    source_hash,
)


@pytest.fixture
def folder(tmp_path):
    """A file with modules, packages and other things beside it."""
    for name, text in {
        "mine.py": "import helpers, json, numpy\nfrom tools.deep import run\nimport hyperopt.hp\n",
        "helpers.py": "import os\n\ndef late():\n    import further\n",
        "further.py": "import mine\n",
        "unused.py": "",
        # Python's and installed modules come first.
        "json.py": "",
        "numpy.py": "",
        "hyperopt/__init__.py": "",
        "tools/__init__.py": "",
        "tools/deep.py": "import spread.part, pandas\n",
        "tools/README.md": "",
        "spread/part.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


BESIDE = ("further.py", "helpers.py", "spread/part.py", "tools/__init__.py", "tools/deep.py")


def test_what_is_imported_from_the_files_own_folder_belongs_to_it(folder):
    assert files_beside(folder / "mine.py") == BESIDE
    assert files_beside(folder / "unused.py") == ()
    # A package is a source by itself.
    assert files_beside(folder / "tools" / "deep.py") == ()
    packages = imported_packages(folder / "mine.py", BESIDE)
    assert packages.keys() == {"hyperopt", "numpy", "pandas"}


def test_the_hash_changes_with_each_of_them_and_with_nothing_else(folder):
    file = folder / "mine.py"
    whole = source_hash(file, BESIDE)
    (folder / "unused.py").write_text("x = 1\n")
    assert source_hash(file, BESIDE) == whole
    for name in ("mine.py", *BESIDE):
        text = (folder / name).read_text()
        (folder / name).write_text(f"{text}# changed\n")
        assert source_hash(file, BESIDE) != whole, name
        (folder / name).write_text(text)
    assert source_hash(file, BESIDE) == whole
    # Alone, as searches of before have it stored.
    assert source_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_refused_definition_is_told_in_its_own_words(tmp_path):
    file = tmp_path / "twice.py"
    file.write_text(
        "from hyperopt import hp\nimport alignsearch\n"
        "space = {'a': hp.uniform('x', 0, 1), 'b': hp.normal('x', 0, 1)}\n"
        "search = alignsearch.Search(space, abs)\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        import_file(file)
    assert str(refused.value).startswith(f"{file}:4: label 'x' stands for two dimensions: ")
    # The class of any other exception says what happened, and so it is told.
    file.write_text("{}['lr']\n")
    with pytest.raises(ConfigurationError, match=r"twice.py:1: KeyError: 'lr'"):
        import_file(file)
