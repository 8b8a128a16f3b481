"""The cost of each rule's training step: one trial measures all rules in turn, in one process."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alignsearch.search.documents import Recipe
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.definitions import find_definition, find_object, source_of
from alignsearch.spaces.distributions import Choice
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.metaparameter import Metaparameter

SPACE = "rules-cost"
BATCH = 128
"""Images of a batch in every measured step: with batches of their own, rules couldn't be compared.
It is the middle one of the searched sizes."""

_TRAININGS = "trainings"
_NUMBERS = ("seconds", "ratio", "ratio_low", "ratio_high", "variable_bytes", "peak_bytes")


@dataclass(frozen=True)
class Measured:
    """A rule whose step is measured.

    Attributes:
        address: of its definition.
        configuration: its named configuration.
        recipe: the recipe of its trainings.
        versions: hashes of the files of one's own that they need: another version is measured
            anew.
    """

    address: str
    configuration: Mapping[str, Any]
    recipe: Recipe
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """The cost of a rule's step beside that of the first rule.

    Attributes:
        seconds: median duration of a step of `BATCH` images.
        ratio: duration in multiples of the first rule's.
        ratio_low, ratio_high: ends of the ratio's interval of 95 %.
        variable_bytes: memory of network, backward kernels and optimizers.
        peak_bytes: memory of a step at its peak; None if the device doesn't tell.
    """

    seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    variable_bytes: float
    peak_bytes: float | None = None


def cost_definition(rules: Sequence[Measured]) -> Definition:
    """Return the definition of the search whose one trial measures the rules' steps.

    rules: the first one is what the others are compared to.
    """
    text = json.dumps(
        [
            {
                "address": each.address,
                "configuration": dict(each.configuration),
                "recipe": each.recipe.model_dump(mode="json"),
                **({"versions": each.versions} if each.versions else {}),
            }
            for each in rules
        ]
    )
    module = sys.modules[__name__]
    return Definition(
        space=flat_space(
            SPACE, "", "", "", (Metaparameter(_TRAININGS, Choice((text,)), "what is measured"),)
        ),
        objective=measure,
        source=source_of(module, "module", f"{__name__}:measure"),
    )


def measure(config: Mapping[str, str]) -> dict[str, float]:
    """Measure the steps; the objective of `cost_definition`'s search.

    Returns:
        A loss of 0, and each number of each rule as `ratio_3`, by the rule's place.

    Raises:
        AlignSearchError: a rule can't be found here, or built.
    """
    # TensorFlow takes seconds to import, and only the worker needs it.
    from alignment_core.analysis.step_cost import step_costs
    from alignsearch.search.use_cases.trained import own_parts
    from alignsearch.spaces.trained import training_of

    configs = {}
    for number, each in enumerate(json.loads(config[_TRAININGS])):
        recipe = Recipe.model_validate(each["recipe"])
        own_parts(recipe.dataset, recipe.model, recipe.data_dir, find_object)
        definition = find_definition(each["address"])
        training = training_of(definition, each["configuration"], recipe, seed=0)
        configs[str(number)] = replace(training, batch_size=BATCH)
    found: dict[str, float] = {"loss": 0.0}
    for place, cost in step_costs(configs).items():
        for name in _NUMBERS:
            value = getattr(cost, name)
            if value is not None:
                found[f"{name}_{place}"] = float(value)
    return found


def costs_in(store: Store, name: str, number: int) -> list[Cost | None]:
    """Return the cost of each of the measured rules; None for all if they couldn't be measured.

    Args:
        store: holds the search of the measurement.
        name: its name.
        number: how many rules it measured.
    """
    measured = [
        trial.result.metrics
        for trial in store.trials.all_readable(name)
        if trial.state is TrialState.COMPLETED and trial.result is not None
    ]
    if not measured:
        return [None] * number
    numbers = measured[0]
    return [
        Cost(**{key: numbers[at] for key in _NUMBERS if (at := f"{key}_{place}") in numbers})
        for place in range(number)
    ]
