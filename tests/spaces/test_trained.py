"""Trainings of definitions, and rules, networks and data sets of one's own in them."""

from dataclasses import replace

import numpy as np
import pytest
from hyperopt import hp

from alignment_core import DATA_SETS, LEARNING_RULES, MODELS, PRIMITIVES, Alignment, Primitive, data
from alignment_core.errors import ConfigurationError, DataError, UnknownNameError
from alignsearch.search.documents import Recipe
from alignsearch.spaces.definition import Definition, Source
from alignsearch.spaces.definitions import SHIPPED
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.spaces.trained import add_data_set, add_model, add_rule, training_of
from alignsearch.spaces.training import training_config

RECIPE = Recipe(dataset="digits", width=8, stem="small", epochs=3, batch_divisor=32)
SPACE = from_hyperopt({"weight": hp.uniform("weight", 0, 1)}, name="mine")
HASH = "0123456789abcdef" * 4


class Mine(Alignment):
    primitives = ("amp", "decay")


def settings(config):
    return {
        "weights": {"amp": 1.0, "decay": config["weight"]},
        "batch_size": 16,
        "learning_rate": 0.1,
    }


@pytest.fixture(autouse=True)
def _tables():
    """Takes out of the library's tables what a test has added."""
    tables = (LEARNING_RULES, MODELS, DATA_SETS, data._SOURCES, PRIMITIVES)
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


def made(training=settings, rule=Mine, config=None, **recipe):
    source = Source("file", "mine.py:search", None, HASH)
    definition = Definition(
        space=SPACE, objective="training", training=training, rule=rule, source=source
    )
    return training_of(
        definition, config or {"weight": 0.5}, RECIPE.model_copy(update=recipe), seed=3
    )


def test_a_rule_is_trained_by_what_its_function_says_and_the_recipe():
    config = made()
    assert config.learning_rule == "Mine@0123456789ab"
    assert LEARNING_RULES[config.learning_rule] is Mine
    assert config.weights == {"amp": 1.0, "decay": 0.5}
    assert (config.dataset, config.width, config.epochs, config.seed) == ("digits", 8, 3, 3)


def test_the_function_may_read_the_recipe_and_choose_the_rule():
    def choosing(config, recipe):
        return {
            **settings(config),
            "learning_rule": "weight_mirror",
            "batch_size": 4096 // recipe.batch_divisor,
            "width": 4,
        }

    config = made(choosing, None)
    assert (config.learning_rule, config.batch_size, config.width) == ("weight_mirror", 128, 4)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"epochs": 3}, ConfigurationError, "returns epochs, which an option of the search"),
        ({"learn_rate": 1}, UnknownNameError, "no setting of a training is named 'learn_rate'"),
        ({"batch_size": 10**6}, ConfigurationError, "larger than digits's training split"),
        ({"learning_rule": "mine"}, UnknownNameError, "no learning rule is named 'mine'"),
        ({"learning_rule": dict}, ConfigurationError, "is a subclass of alignment_core.Alignment"),
        ({"weights": {}}, ConfigurationError, "takes weights for amp, decay, not no weights"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(change, error, said):
    with pytest.raises(error, match=said):
        made(lambda config: {**settings(config), **change})


def test_a_function_that_returns_no_settings_is_refused():
    with pytest.raises(ConfigurationError, match="must return settings of alignment_core"):
        made(lambda config: None)
    with pytest.raises(ConfigurationError, match="must return a learning_rule, or the definition"):
        made(rule=None)


def test_two_versions_of_a_rule_are_never_one():
    class Other(Alignment):
        primitives = ("self",)

    assert add_rule(Mine, "a" * 64) != add_rule(Other, "b" * 64)
    # A class that ships has its own name.
    assert add_rule(LEARNING_RULES["weight_mirror"], "a" * 64) == "weight_mirror"


def test_the_papers_definitions_go_the_same_way():
    published = PUBLISHED["ia"]
    expected = training_config(SHIPPED["ia"].space, published, seed=3, **RECIPE.training_settings())
    assert training_of(SHIPPED["ia"], published.model_dump(), RECIPE, seed=3) == expected


def test_the_recipes_noise_is_in_the_updates_of_every_optimizer():
    noisy = made(update_noise_variance=0.25)
    assert (noisy.update_noise_variance, noisy.alignment_update_noise_variance) == (0.25, 0.25)
    # Kolen-Pollack's backward kernels are moved by J's optimizer.
    tied = made(
        lambda config: {**settings(config), "weights": {"decay": 1.0}},
        "kolen_pollack",
        update_noise_variance=0.25,
    )
    assert (tied.update_noise_variance, tied.alignment_update_noise_variance) == (0.25, 0.0)
    quiet = made()
    assert (quiet.update_noise_variance, quiet.alignment_update_noise_variance) == (0.0, 0.0)


def test_noise_that_a_definitions_function_returns_is_the_only_noise():
    own = made(
        lambda config: {**settings(config), "update_noise_variance": 0.5},
        update_noise_variance=0.25,
    )
    assert (own.update_noise_variance, own.alignment_update_noise_variance) == (0.5, 0.0)


def test_a_narrowed_space_of_the_paper_is_trained_as_the_whole_one():
    space: SearchSpace = SHIPPED["ia"].space.narrowed(
        {"train_batch_size": "4096", "fo_relu": "True"}, {"gamma": (1e-8, 1.0)}
    )
    point = {each.name: 0 for each in space.sampled} | {
        **{"sigma": 0.5, "alpha_over_beta": 2.0, "beta": 3.0, "gamma": 0.25},
        "alignment_learning_rate": 1e-3,
    }
    definition = replace(SHIPPED["ia"], space=space)
    config = training_of(definition, space.resolve(point), RECIPE, seed=0)
    assert (config.batch_size, config.learning_rate) == (128, 2.0)
    assert config.operations.fo_relu
    assert config.weights == {"amp": 6.0, "decay": 3.0, "null": 0.25}


def test_a_primitive_of_ones_own_is_summed():
    import tensorflow as tf

    from alignment_core import Dense, LayerCall

    PRIMITIVES["l1"] = Primitive(lambda q: tf.reduce_sum(tf.abs(q.backward_kernel)), "kernels")
    PRIMITIVES["mean"] = Primitive(lambda q: tf.reduce_mean(q.backward_output), "input")

    class Own(Alignment):
        primitives = ("l1", "mean")

    rule = Own({"l1": 2.0, "mean": 3.0})
    assert rule.needs_activations
    layer = Dense(3, learning_rule=rule)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    layer.build((None, 4))
    call = LayerCall(layer, x=tf.constant(x))
    kernel = layer.backward_kernel.numpy()
    with tf.GradientTape() as tape:
        tape.watch(layer.backward_kernel.value)
        value = rule(layer, [call])
    gradient = tape.gradient(value, layer.backward_kernel.value)
    assert float(value) == pytest.approx(
        2 * np.abs(kernel).sum() + 3 * (x @ kernel.reshape(3, 4).T).mean(), rel=1e-5
    )
    expected = 2 * np.sign(kernel.reshape(3, 4)) + 3 * np.tile(x.sum(0) / 15, (3, 1))
    np.testing.assert_allclose(np.reshape(gradient, (3, 4)), expected, rtol=1e-4)
    with pytest.raises(UnknownNameError, match="no primitive of Unknown is named 'l3'"):
        type("Unknown", (Alignment,), {"primitives": ("l3",)})({"l3": 1.0})


def pictures(n=1500, seed=0):
    numbers = np.random.default_rng(seed)
    return numbers.integers(0, 255, (n, 6, 5)), np.arange(n) % 3


def test_a_data_set_of_ones_own_is_standardized_and_known_by_its_hash():
    info = add_data_set("mine.py:images", lambda: (pictures(), pictures(90, 1)), None, HASH)
    assert info.name == "mine.py:images@0123456789ab"
    assert (info.image_shape, info.num_classes) == ((6, 5, 1), 3)
    assert (info.train_size, info.validation_size, info.stem) == (1500, 90, "small")
    loaded = data.load(info.name)
    images, labels = loaded.sample("train", 1500)
    train = pictures()[0][..., np.newaxis].astype(float)
    order = np.lexsort(np.asarray(images).reshape(1500, -1).T)
    expected = (train - train.mean()) / train.std()
    expected = expected[np.lexsort(expected.reshape(1500, -1).T)]
    np.testing.assert_allclose(np.asarray(images)[order], expected, atol=1e-5)
    assert sorted(np.asarray(labels)) == sorted(pictures()[1])


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "cifar10", "imagenet"])
def test_the_batch_divisor_is_what_a_shipped_data_set_of_that_size_has(name):
    shipped = data.info(name)
    images = np.broadcast_to(np.float32(0), (shipped.train_size, 1, 1, 1))
    labels = np.arange(shipped.train_size, dtype=np.int32) % 2
    few = images[:2], labels[:2]
    assert data.own.info_of("x", ((images, labels), few)).batch_divisor == shipped.batch_divisor


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "must return"),
        ((pictures(), pictures()[0]), "must return"),
        (((["a"], [1]), pictures()), "images are no array of numbers"),
        ((pictures(), (np.zeros((9, 4, 4)), np.arange(9))), "differ in shape"),
        (((np.zeros((9, 4)), np.arange(9)), pictures()), r"have the shape \(9, 4\), not"),
        (((np.zeros((9, 6, 5)), np.arange(8)), pictures()), r"labels have the shape \(8,\), not"),
        (((np.zeros((2, 6, 5)), np.array([0.5, 1])), pictures()), "must be integers from 0"),
        (((np.full((2, 6, 5), np.nan), np.arange(2)), pictures()), "values that are no numbers"),
        (((np.zeros((2, 6, 5)), np.zeros(2, int)),) * 2, "one class alone"),
    ],
)
def test_what_is_no_data_set_is_refused(returned, said):
    with pytest.raises(DataError, match=said):
        add_data_set("mine.py:images", lambda: returned, None, HASH)


def test_a_data_sets_function_takes_the_folder_or_nothing():
    asked = []

    def images(folder):
        asked.append(folder)
        return pictures(), pictures()

    add_data_set("mine.py:images", images, "somewhere", HASH)
    assert asked == ["somewhere"]
    with pytest.raises(ConfigurationError, match="--data-dir has no use"):
        add_data_set("mine.py:images", lambda: (pictures(), pictures()), "somewhere", HASH)
    with pytest.raises(ConfigurationError, match="is no function: write one that returns"):
        add_data_set("mine.py:images", pictures(), None, HASH)


def test_a_network_must_take_what_a_builder_gets():
    with pytest.raises(ConfigurationError, match=r"--model my\.py:net can't build a network"):
        add_model("my.py:net", lambda shape, classes: None, HASH)
    name = add_model("my.py:net", lambda shape, classes, **options: None, HASH)
    assert name in MODELS
