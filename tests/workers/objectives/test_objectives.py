"""The table of objectives: each can be loaded, and naming one imports no TensorFlow."""

import subprocess
import sys

import pytest

from alignsearch.search.documents import Recipe, Search
from alignsearch.workers.objectives import OBJECTIVES, objective_name

WITHOUT_TENSORFLOW = """
import sys

from alignsearch.workers.objectives import OBJECTIVES

for name in ("rehearsal", "function", "program"):
    assert callable(OBJECTIVES[name].load())
assert not {"tensorflow", "ray"} & sys.modules.keys()
"""


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_objective_can_be_loaded_and_says_what_it_does(name):
    assert callable(OBJECTIVES[name].load())
    assert OBJECTIVES[name].help.endswith(".")


@pytest.mark.parametrize(("dataset", "name"), [("rehearsal", "rehearsal"), ("digits", "training")])
def test_a_search_of_before_definitions_has_the_objective_of_its_recipe(dataset, name):
    search = Search(
        name="old",
        space="wm",
        space_hash="",
        recipe=Recipe(dataset=dataset, width=1, stem="none", epochs=1),
        trials=1,
        parallel=1,
        seed=0,
        startup=0,
        created_by="a test",
    )
    assert objective_name(search) == name


def test_only_a_training_imports_tensorflow():
    subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW], check=True)
