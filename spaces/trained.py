"""Trainings of any definition, and the rules, networks and data sets of one's own in them.

`alignment_core` finds rules, networks and data sets by name. One of the user's own is added to its
tables under a name that ends with a part of its source's hash: a process that trains two versions
of a file never takes one for the other, and a checkpoint is found again on any host.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.definition import Definition

if TYPE_CHECKING:
    from alignment_core.data import DataSetInfo
    from alignment_core.training.config import TrainingConfig

HASH_DIGITS = 12
"""Digits of a source's hash in a name: enough that no two versions of a file share them."""

DECIDED = frozenset({"dataset", "data_dir", "model", "epochs", "seed"})
"""Settings of a training that a search's options decide: every trial has the same, or its own
seed, and reports say so."""

_OF_RECIPE = frozenset({"batch_divisor", "weights_order"})
"""Fields of a recipe's settings that only the function of a definition reads."""


_NOISE = frozenset({"update_noise_variance", "alignment_update_noise_variance"})
"""Settings of noise in updates."""


def is_address(name: str) -> bool:
    """Return whether a data set or network is one of the user's own: `file.py:name`, by import."""
    return ":" in name


def own_name(name: str, sha256: str | None) -> str:
    """Return the name in `alignment_core`'s tables of something from a source with this hash."""
    return f"{name}@{sha256[:HASH_DIGITS]}" if sha256 else name


def add_rule(rule: Any, sha256: str | None) -> str:
    """Return the name of a learning rule in `LEARNING_RULES`; add the rule if it isn't there.

    Args:
        rule: a subclass of `Alignment`, or the name of one that is there.
        sha256: hash of the source that the class comes from.

    Raises:
        ConfigurationError: it is neither.
        UnknownNameError: there is no rule of this name, or the class sums an unknown primitive.
    """
    from alignment_core.rules.alignment import Alignment
    from alignment_core.rules.primitives import PRIMITIVES
    from alignment_core.rules.table import LEARNING_RULES

    if isinstance(rule, str):
        if rule not in LEARNING_RULES:
            raise UnknownNameError("learning rule", rule, LEARNING_RULES)
        return rule
    if not (isinstance(rule, type) and issubclass(rule, Alignment)):
        raise ConfigurationError(
            f"the rule is a subclass of alignment_core.Alignment, not {rule!r}"
        )
    for primitive in rule.primitives:
        if primitive not in PRIMITIVES:
            raise UnknownNameError(f"primitive of {rule.__name__}", primitive, PRIMITIVES)
    for name, known in LEARNING_RULES.items():
        if known is rule:
            return name
    name = own_name(rule.__name__, sha256)
    LEARNING_RULES[name] = rule
    return name


def add_model(address: str, builder: Any, sha256: str | None) -> str:
    """Add a network of the user's own to `MODELS`, and return its name there.

    Args:
        address: where it was found, like `mynet.py:network`.
        builder: a function with the arguments of `alignment_core.models.Builder`.
        sha256: hash of its source.

    Raises:
        ConfigurationError: it can't be called so.
    """
    from alignment_core.models import MODELS

    check_builder(address, builder)
    name = own_name(address, sha256)
    MODELS[name] = builder
    return name


def check_builder(address: str, builder: Any) -> None:
    """Raise ConfigurationError if something can't be called as a builder of networks is."""
    wanted = "network(input_shape, num_classes, *, width, stem, learning_rule, seed)"
    try:
        inspect.signature(builder).bind((8, 8, 1), 10, width=1, stem="", learning_rule=None, seed=0)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"--model {address} can't build a network: write a function {wanted}, and let it "
            f"ignore what it has no use for ({error})"
        ) from error


def add_data_set(
    address: str, function: Any, data_dir: str | None, sha256: str | None
) -> "DataSetInfo":
    """Add a data set of the user's own to `data.DATA_SETS`, and return its sizes and its name.

    Args:
        address: where it was found, like `mydata.py:images`.
        function: returns `(images, labels), (images, labels)`; takes the folder, or nothing.
        data_dir: the folder.
        sha256: hash of its source.

    Raises:
        ConfigurationError: it can't be called so.
        DataError: it doesn't return images with labels.
    """
    from alignment_core import data

    if not callable(function):
        raise ConfigurationError(
            f"--dataset {address} is no function: write one that returns "
            "(images, labels), (images, labels)"
        )
    given = (data_dir,) if _places(function) else ()
    if data_dir is not None and not given:
        raise ConfigurationError(
            f"--data-dir has no use: {address} takes no argument that could be the folder"
        )
    return data.add(own_name(address, sha256), function(*given))


def training_of(definition: Definition, config: Any, recipe: Any, *, seed: int) -> "TrainingConfig":
    """Return the training of one configuration of a definition.

    The recipe's noise is in the updates of both optimizers, as "the update given by the respective
    optimizers" is disturbed in Kunin et al. 2020, App. B.3. Settings that the definition's function
    returns, noise among them, come before the recipe's.

    Args:
        definition: a definition whose objective is "training".
        config: the configuration.
        recipe: the search's `search.documents.Recipe`.
        seed: random seed of the training.

    Raises:
        UnknownNameError: the function returns a setting that trainings don't have, or names a rule
            that there isn't.
        ConfigurationError: it returns no settings, or some that can't be trained with.
    """
    from alignment_core.training.config import TrainingConfig

    assert definition.training is not None
    own = _settings(definition.training, config, recipe)
    of_recipe = {
        name: value for name, value in recipe.training_settings().items() if name not in _OF_RECIPE
    }
    if "learning_rule" not in own:
        if definition.rule is None:
            raise ConfigurationError(
                "the function of the trainings must return a learning_rule, or the definition "
                "name one"
            )
        own["learning_rule"] = definition.rule
    source = definition.source
    own["learning_rule"] = add_rule(own["learning_rule"], source.sha256 if source else None)
    made = TrainingConfig(**{**of_recipe, **own, "seed": seed})
    if made.has_alignment_loss and not own.keys() & _NOISE:
        made = replace(made, alignment_update_noise_variance=made.update_noise_variance)
    return made


def _settings(function: Callable[..., Any], config: Any, recipe: Any) -> dict[str, Any]:
    from alignment_core.training.config import TrainingConfig

    returned = function(config, recipe) if len(_places(function)) > 1 else function(config)
    if not isinstance(returned, Mapping):
        raise ConfigurationError(
            "the function of the trainings must return settings of alignment_core.TrainingConfig "
            f"by name, not {returned!r}"
        )
    known = {field.name for field in fields(TrainingConfig)}
    for name in returned:
        if name not in known:
            raise UnknownNameError("setting of a training", str(name), known - DECIDED)
        if name in DECIDED:
            raise ConfigurationError(
                f"the function of the trainings returns {name}, which an option of the search "
                "decides: leave it out"
            )
    return dict(returned)


def _places(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The arguments that a function takes by position."""
    return [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
