"""A field of the recipe is an option, a property of the API, an input and a setting of trainings.

All of these are made from the one declaration in search/documents/recipe.py: no file on the way
names the field.
"""

import dataclasses
import inspect
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest

from alignment_core.training.config import TrainingConfig
from alignsearch.cli import model_options, submit
from alignsearch.dashboards.models import SubmitRequest, submit_fields
from alignsearch.search.documents import Recipe, RecipeChoices
from alignsearch.search.documents.choices import one_of
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.training import training_config

ROOT = Path(__file__).parents[2]
ON_THE_WAY = [
    inspect.getsourcefile(submit),
    inspect.getsourcefile(model_options),
    ROOT / "search" / "use_cases" / "submission.py",
    ROOT / "dashboards" / "models" / "forms.py",
    ROOT / "dashboards" / "web" / "api" / "submissions.py",
    ROOT / "dashboards" / "static" / "pages" / "submit.js",
    ROOT / "workers" / "objectives" / "training.py",
]
AROUND_TRAININGS = {"strategy", "robustness"}
"""Fields of which the worker makes use before or after a training."""

READ_ELSEWHERE = {"dataset", "data_dir", "epochs", "model", "width", *AROUND_TRAININGS}
"""Fields that some file on the way needs: for a check, a log line, the devices of a training, or a
network and data of the user's own."""


@pytest.fixture(scope="module")
def options():
    """The options of `alignsearch submit` by field: the default and what typer knows of it."""
    return {
        name: (parameter.default, get_args(parameter.annotation)[1])
        for name, parameter in inspect.signature(submit.submit).parameters.items()
        if get_origin(parameter.annotation) is Annotated
    }


@pytest.mark.parametrize("name", Submission.model_fields)
def test_command_line_api_and_form_have_each_field_with_the_same_words(name, options):
    field = Submission.model_fields[name]
    assert field.description
    assert field.description.endswith((".", ")."))
    default, option = options[name]
    assert field.description in option.help
    assert field.is_required() or default == field.default
    # A dashboard submits named definitions only, and says so.
    asked = SubmitRequest.model_fields[name]
    assert (asked.description == field.description) == (name != "space")
    described = SubmitRequest.model_json_schema()["properties"][name]
    assert described["description"] == asked.description
    (form,) = [each for each in submit_fields() if each.name == name]
    assert form.help == asked.description
    assert form.required == field.is_required()
    as_text = "; ".join(field.default) if isinstance(field.default, tuple) else field.default
    assert form.required or form.default == as_text
    names = one_of(asked)
    if names is not None:
        assert form.options == described["enum"] == list(names.known())


@pytest.mark.parametrize("name", RecipeChoices.model_fields)
def test_a_field_of_the_recipe_is_stored_and_reaches_the_training(name):
    assert name in Recipe.model_fields
    recipe = Recipe(dataset="digits", width=1, stem="small", epochs=1)
    trained = {field.name for field in dataclasses.fields(TrainingConfig)}
    trained |= set(inspect.signature(training_config).parameters)
    assert name in AROUND_TRAININGS or name in recipe.training_settings()
    assert recipe.training_settings().keys() <= trained


@pytest.mark.parametrize("name", sorted(RecipeChoices.model_fields.keys() - READ_ELSEWHERE))
def test_no_file_on_the_way_names_a_field_of_the_recipe(name):
    assert [str(path) for path in ON_THE_WAY if name in Path(path).read_text()] == []
