"""The spaces of the rules without an R, and the trainings of their configurations."""

import numpy as np
import pytest

from alignment_core.rules.table import LEARNING_RULES
from alignsearch.search.documents import Recipe
from alignsearch.spaces.definitions import SHIPPED, find_definition
from alignsearch.spaces.feedback import FEEDBACK_LABELS, FEEDBACK_SPACES
from alignsearch.spaces.presets import RULES
from alignsearch.spaces.trained import training_of

RECIPE = Recipe(dataset="digits", model="dense", width=8, stem="small", epochs=3, batch_divisor=32)


@pytest.mark.parametrize("name", FEEDBACK_SPACES)
def test_each_can_be_searched_and_names_its_sources(name):
    definition = find_definition(name)
    assert SHIPPED[name] is definition
    assert definition.space.learning_rule == RULES[name][0]
    assert definition.space.learning_rule in LEARNING_RULES
    assert (definition.objective, definition.metric) == ("training", "validation_error")
    assert [each.name for each in definition.space.sampled] == list(FEEDBACK_LABELS)
    assert all(each.source for each in definition.space.sampled)


@pytest.mark.parametrize("name", FEEDBACK_SPACES)
def test_a_configuration_is_its_training(name):
    space = FEEDBACK_SPACES[name]
    values = {"learning_rate": 0.02, "weight_decay": 0.003, "batch_size": 128}
    config = training_of(SHIPPED[name], values, RECIPE, seed=5)
    assert config.learning_rule == space.learning_rule
    assert (config.learning_rate, config.weight_decay, config.batch_size) == (0.02, 0.003, 128)
    assert (config.epochs, config.seed, config.warmup_epochs) == (3, 5, 6)
    assert config.weights == ({"decay": 0.003} if name == "pfa" else {})


@pytest.mark.parametrize(
    ("name", "rates"),
    [("dfa", (1e-4, 1e-3)), ("usf", (1e-2, 0.1)), ("pfa", (1e-2, 0.1))],
)
def test_the_published_rates_are_inside_of_the_ranges(name, rates):
    sampled = {each.name: each.distribution for each in FEEDBACK_SPACES[name].sampled}
    assert all(sampled["learning_rate"].contains(rate) for rate in rates)
    assert all(sampled["batch_size"].contains(size) for size in (64, 128, 256))
    largest = 0.03 if name == "pfa" else 1e-3
    assert all(sampled["weight_decay"].contains(float(d)) for d in np.geomspace(1e-5, largest, 5))
