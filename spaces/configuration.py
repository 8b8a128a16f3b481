"""One setting of every metaparameter: a column of Table 5."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import ValidationError as PydanticValidationError

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.space import SearchSpace, Value, same


class Configuration(BaseModel):
    """The 22 rows of Kunin et al. 2020, Table 5, in its order.

    The weights keep the paper's Greek letters here, as Table 5 prints them;
    `alignsearch.spaces.training` is the one place that says which primitive each belongs to.

    Attributes:
        delay_epochs: de, epochs for which only R is optimized.
        train_batch_size: |B| as searched, before a recipe divides it.
        sgdm_learning_rate: of the Nesterov momentum on J, |B| / 2048.
        alignment_learning_rate: eta, of the optimizer of R.
        sigma: standard deviation of the Gaussian input of the backward pass.
        alpha_over_beta: ratio of the first two weights of R.
        gamma: third weight of R; None where the rule has no third primitive.
        fo_bias: and the following eleven, the operations of App. B.1.3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    alternating_minimization: bool
    delay_epochs: NonNegativeInt
    train_batch_size: PositiveInt
    sgdm_learning_rate: PositiveFloat
    alignment_optimizer: Literal["Vanilla GD", "Adam"]
    alignment_learning_rate: PositiveFloat
    sigma: PositiveFloat
    alpha_over_beta: PositiveFloat
    beta: PositiveFloat
    gamma: PositiveFloat | None
    fo_bias: bool
    fo_relu: bool
    fo_bwmc: bool
    fo_fwmc: bool
    fo_fwl2n: bool
    bo_bias: bool
    bo_relu: bool
    bo_fwmc: bool
    bo_fwl2n: bool
    bi_bwmc: bool
    bi_fwmc: bool
    bi_fwl2n: bool


def configuration(values: Mapping[str, Any]) -> Configuration:
    """A configuration from plain data, as the store, a file or a person gives it.

    Raises:
        ConfigurationError: a metaparameter is missing, unknown, or has an impossible value.
    """
    try:
        return Configuration.model_validate(dict(values))
    except PydanticValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise ConfigurationError(f"not a configuration: {wrong}") from error


def derive(space: SearchSpace, point: Mapping[str, Value]) -> Configuration:
    """The whole configuration that belongs to a point of `space`.

    The one place where fixed and derived values join the sampled ones. `point` maps each sampled
    metaparameter to its value (an option itself, not its index).

    Raises:
        ConfigurationError: the point lacks a sampled metaparameter, has one that `space` doesn't
            sample, or a value that lies outside its range.
    """
    missing = sorted(space.sampled_names - point.keys())
    surplus = sorted(point.keys() - space.sampled_names)
    if missing or surplus:
        raise ConfigurationError(
            f"not a point of space {space.name!r}: "
            f"missing {', '.join(missing) or 'nothing'}, surplus {', '.join(surplus) or 'nothing'}"
        )
    outside = _outside(space, point)
    if outside:
        raise ConfigurationError(f"not a point of space {space.name!r}: {'; '.join(outside)}")
    values: dict[str, Any] = {entry.name: entry.value for entry in space.fixed} | dict(point)
    for entry in space.derived:
        values[entry.name] = values[entry.numerator] / entry.divisor
    return configuration(values)


def contains(space: SearchSpace, configuration: Configuration) -> list[str]:
    """Why `configuration` doesn't lie in `space`, one reason a metaparameter; empty if it does."""
    values = configuration.model_dump()
    reasons = _outside(space, values)
    reasons += [
        f"{entry.name} is {values[entry.name]}, but fixed at {entry.value}"
        for entry in space.fixed
        if not same(entry.value, values[entry.name])
    ]
    for derived in space.derived:
        expected = values[derived.numerator] / derived.divisor
        if values[derived.name] != expected:
            reasons.append(f"{derived.name} is {values[derived.name]}, but {derived} is {expected}")
    return reasons


def _outside(space: SearchSpace, values: Mapping[str, Value]) -> list[str]:
    return [
        f"{parameter.name} is {values[parameter.name]}, not {parameter.distribution}"
        for parameter in space.sampled
        if not parameter.distribution.contains(values[parameter.name])
    ]
