"""The table of objectives: each can be loaded, and naming one imports no TensorFlow."""

import subprocess
import sys

import pytest

from alignsearch.search.documents import Recipe
from alignsearch.workers.objectives import OBJECTIVES, objective_name

WITHOUT_TENSORFLOW = """
import sys

from alignsearch.workers.objectives import OBJECTIVES

assert callable(OBJECTIVES["rehearsal"].load())
assert not {"tensorflow", "ray"} & sys.modules.keys()
"""


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_objective_can_be_loaded_and_says_what_it_does(name):
    assert callable(OBJECTIVES[name].load())
    assert OBJECTIVES[name].help.endswith(".")


@pytest.mark.parametrize(("dataset", "name"), [("rehearsal", "rehearsal"), ("digits", "training")])
def test_a_recipe_names_its_objective(dataset, name):
    recipe = Recipe(dataset=dataset, width=1, stem="none", epochs=1)
    assert objective_name(recipe) == name


def test_a_rehearsal_imports_neither_tensorflow_nor_ray():
    subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW], check=True)
