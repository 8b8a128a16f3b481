"""Trainings of a new search: data sets and networks of the user's own, and a first look at them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignment_core.model_names import OWN_WIDTHS
from alignsearch.search.documents import Recipe, StoredSource
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.search.use_cases.defined import stored_source
from alignsearch.spaces.definition import Definition, Source
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.trained import add_data_set, add_model, is_address, training_of

CHECKED_POINTS = 8
"""Random configurations that are turned into trainings at submit: so many reach most options of a
choice, and take no time."""

Find = Callable[[str], tuple[Any, Source]]
"""From the address of a function to the function and its source."""


@dataclass(frozen=True)
class OwnParts:
    """The user's own parts of a recipe.

    Attributes:
        dataset: the data set's name in `alignment_core`'s table; None for a shipped one.
        sources: where the data set and the network come from, if they are the user's own.
    """

    dataset: str | None
    sources: tuple[StoredSource, ...]


def own_parts(dataset: str, model: str, data_dir: str | None, find: Find) -> OwnParts:
    """Import a data set and a network of the user's own, and make them known in this process.

    Args:
        dataset: name or address of the data set.
        model: name or address of the network.
        data_dir: folder of the data set.
        find: imports the function at an address.

    Raises:
        AlignSearchError: one can't be found, or isn't what it should be; the message names the
            option.
    """
    name, sources = None, []
    if is_address(dataset):
        function, source = _found(find, "--dataset", dataset)
        name = add_data_set(dataset, function, data_dir, source.sha256).name
        sources.append(stored_source(source))
    if is_address(model):
        builder, source = _found(find, "--model", model)
        add_model(model, builder, source.sha256)
        sources.append(stored_source(source))
    return OwnParts(name, tuple(sources))


def _found(find: Find, option: str, address: str) -> tuple[Any, Source]:
    try:
        return find(address)
    except AlignSearchError as error:
        raise ConfigurationError(f"{option} {address}: {error}") from error


def check_network(recipe: Recipe) -> None:
    """Build a recipe's network once, if it is the user's own or not for every data set.

    Networks without a width of their own aren't built: they fit any images, and large ones take
    long.

    Raises:
        ConfigurationError: it can't be built for the data set, or has no layer with a kernel that
            a learning rule could be of.
    """
    if recipe.source_of(recipe.model) is None and recipe.model not in OWN_WIDTHS:
        return
    # TensorFlow takes seconds to import.
    from alignment_core import data
    from alignment_core.layers.aligned import aligned_layers
    from alignment_core.models import get_model
    from alignment_core.rules.feedback_alignment import FeedbackAlignment

    settings = recipe.training_settings()
    facts = data.info(settings["dataset"])
    try:
        network = get_model(settings["model"])(
            facts.image_shape,
            facts.num_classes,
            width=recipe.width,
            stem=recipe.stem,
            learning_rule=FeedbackAlignment({}),
            seed=0,
        )
        layers, shape = aligned_layers(network), network.output_shape
    except AlignSearchError as error:
        raise ConfigurationError(f"--model {recipe.model}: {error}") from error
    except Exception as error:
        raise ConfigurationError(
            f"--model {recipe.model} raised {type(error).__name__} as it was built: {error}"
        ) from error
    if shape != (None, facts.num_classes):
        raise ConfigurationError(
            f"--model {recipe.model} must have {facts.num_classes} logits, but its output has the "
            f"shape {shape}"
        )
    if not layers:
        raise ConfigurationError(
            f"--model {recipe.model} has no layer with a learning rule: build it of "
            "alignment_core's Dense and Conv2D, with learning_rule=learning_rule"
        )


def check_trainings(
    definition: Definition, space: SearchSpace, recipe: Recipe, *, seed: int
) -> None:
    """Check that a user's own function turns configurations into trainings that can be run.

    Args:
        definition: the definition; one that ships with this program isn't checked, since that
            would import TensorFlow for nothing.
        space: its space, or what is left of it after `--fix` and `--range`.
        recipe: the recipe of the search.
        seed: the search's seed, which also draws the configurations.

    Raises:
        ConfigurationError: it doesn't; the message says what is wrong with which configuration.
    """
    source = definition.source
    if source is not None and source.kind == "shipped":
        return
    where = source.address if source is not None else space.name
    sampler = make_sampler("random", space, seed=seed, startup=CHECKED_POINTS)
    for tid in range(CHECKED_POINTS):
        config = space.resolve(sampler.suggest(tid, ()))
        try:
            training_of(definition, config, recipe, seed=seed)
        except AlignSearchError as error:
            raise ConfigurationError(f"{where}: {error}") from error
        except Exception as error:
            raise ConfigurationError(
                f"{where}: its function of the trainings raised {type(error).__name__}: {error}, "
                f"for {config}"
            ) from error
