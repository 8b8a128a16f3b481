"""Values that a submission accepts and refuses, and the search that is made of it."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Pruning, Recipe
from alignsearch.search.use_cases.new_search import checkpoints_folder, recipe_of
from alignsearch.search.use_cases.submission import Submission, refusal


def submission(**fields):
    return Submission(**{"space": "wm", **fields})


def refused(**fields):
    with pytest.raises(ValidationError) as caught:
        submission(**fields)
    return str(refusal(caught.value))


@pytest.mark.parametrize(
    ("asked", "usual", "folder"),
    [
        (None, Path(".alignsearch/checkpoints"), str(Path(".alignsearch/checkpoints").absolute())),
        (None, None, None),
        ("off", Path(".alignsearch/checkpoints"), None),
        ("/shared/states", None, "/shared/states"),
        ("gs://bucket/states", None, "gs://bucket/states"),
    ],
)
def test_checkpoints_go_where_they_are_asked_to_or_to_the_usual_place(asked, usual, folder):
    assert checkpoints_folder(asked, usual) == folder


def test_a_rehearsal_keeps_no_checkpoints_in_a_bucket():
    said = refused(dataset="rehearsal", checkpoints="gs://bucket/states")
    assert said.startswith("--checkpoints 'gs://bucket/states' ")
    assert "folders of this machine" in said


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        (2.9, "must be at least 3, not 2.9"),
        (-5.0, "must be at least 3, not -5.0"),
        (86_401, "must be at most 86400, not 86401"),
        (float("nan"), "must be a number, not nan"),
        (float("inf"), "must be a number, not inf"),
    ],
)
def test_a_lease_that_cannot_be_renewed_in_time_is_refused(seconds, why):
    assert refused(lease=seconds) == f"--lease {why}"


def test_no_pruner_prunes_nothing():
    assert submission(epochs=10).pruning is None


def test_a_pruner_is_taken_as_it_was_asked_for():
    asked = submission(pruner="asha", grace=2, reduction=4, pruned_as="fail", epochs=10)
    assert asked.pruning == Pruning(pruner="asha", grace=2, reduction=4, informs="fail")


def test_a_grace_as_long_as_the_trials_is_refused():
    asked = submission(pruner="asha", grace=10, epochs=10)
    with pytest.raises(ConfigurationError, match="--grace must be from 1 to 9, below the trials'"):
        asked.check_use("wm", recipe_of(asked, None))
    # A definition that trains nothing has no epochs to be longer than.
    submission(pruner="asha", grace=100).check_use("mine.py:search", None)


@pytest.mark.parametrize(
    ("given", "option"), [({"epochs": 3}, "--epochs"), ({"data_dir": "d"}, "--data-dir")]
)
def test_an_option_of_trainings_has_no_use_where_nothing_is_trained(given, option):
    with pytest.raises(ConfigurationError, match=f"^{option} has no use: mine.py:search trains"):
        submission(**given).check_use("mine.py:search", None)
    submission(epochs=45).check_use("mine.py:search", None)


@pytest.mark.parametrize("given", [["a=1", "b=x;y"], ["a=1"], [], "a=1; b=2", "a=1\n\nb=2\n", ""])
def test_repeated_options_are_lists_or_one_text(given):
    parts = given if isinstance(given, list) else ["a=1", "b=2"][: given.count("=")]
    assert submission(fix=given).fix == tuple(parts)


def test_pythons_dictionaries_are_taken_as_people_would_write_them():
    given = {"lr": 0.1, "n": np.int64(3), "kind": None, "deep": True, "k=v": "rbf"}
    fixed = ("lr=0.1", "n=3", "kind=None", "deep=True", "k=v=rbf")
    assert submission(fix=given).fix == fixed
    assert submission(range={"lr": (1e-8, np.float64(0.5))}).range == ("lr=1e-8:0.5",)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"fix": 0.5}, "--fix must be a list of texts, not 0.5"),
        ({"fix": [0.5]}, "--fix must be text, not 0.5"),
        ({"pruner": "ash"}, "did you mean asha"),
        ({"pruner": "asha", "pruned_as": "lost"}, "did you mean loss"),
        ({"grace": 2}, "--grace has no use without a --pruner"),
        ({"reduction": 4}, "--reduction has no use without a --pruner"),
        ({"pruned_as": "fail"}, "--pruned-as has no use without a --pruner"),
        ({"pruner": "median", "reduction": 4}, "--reduction has no use with --pruner median"),
        ({"own_process": "perhaps"}, "--own-process"),
        ({"fix": ["a=\0"]}, "--fix can't be"),
        ({"pruner": "median", "grace": 0}, "--grace must be at least 1, not 0"),
        ({"pruner": "asha", "reduction": 1}, "--reduction must be at least 2, not 1"),
        ({"pruner": "asha", "reduction": 10**20}, "--reduction must be at most 2147483647"),
        ({"trials": True}, "--trials can't be True"),
        ({"trials": "many"}, "--trials must be an integer, not 'many'"),
        ({"trials": 2.5}, "--trials must be an integer, not 2.5"),
        ({"data_dir": "images\0"}, "--data-dir can't be"),
        ({"checkpoints": "d" * 5000}, "--checkpoints is longer than 4096 characters"),
        ({"name": 7}, "--name must be text, not 7"),
        ({"trial": 7}, "no option is named 'trial'; did you mean trials"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_option(asked, why):
    assert why in refused(**{"epochs": 10, **asked})


def test_a_recipe_has_what_was_chosen_and_the_facts_of_its_data():
    checked = []
    asked = submission(width=3, epochs=7, precision="bfloat16")
    recipe = recipe_of(asked, lambda *given: checked.append(given))
    assert (recipe.dataset, recipe.width, recipe.epochs) == ("digits", 3, 7)
    assert (recipe.precision, recipe.stem) == ("bfloat16", "small")
    assert [name for name, *_ in checked] == ["digits"]
    usual = recipe_of(submission(), None)
    assert usual.width > 3
    assert recipe_of(submission(), None, epochs=2, model="convnet").model == "convnet"


def test_data_that_cannot_be_read_stop_a_recipe():
    def missing(*_):
        raise ConfigurationError("no images")

    with pytest.raises(ConfigurationError, match="no images"):
        recipe_of(submission(), missing)
    assert recipe_of(submission(dataset="rehearsal"), missing).stem == "none"


def test_a_stored_recipe_is_read_whatever_its_names_are():
    stored = Recipe(
        dataset="a-later-set", width=1, stem="none", epochs=1, weights_order="later"
    ).to_bson()
    assert Recipe.from_bson(stored).dataset == "a-later-set"
    del stored["dataset"]
    with pytest.raises(Exception, match="can't be read: dataset"):
        Recipe.from_bson(stored)
