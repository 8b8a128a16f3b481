"""Configurations: one value for each metaparameter, as in a column of Table 5."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import ValidationError as PydanticValidationError

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Value, same
from alignsearch.spaces.space import SearchSpace


class Configuration(BaseModel):
    """A value for each of the 22 rows of Kunin et al. 2020, Table 5, in its order.

    The weights of R (the alignment loss) have the paper's Greek letters here, as Table 5 prints
    them. `alignsearch.spaces.training` says which primitive each letter belongs to.

    Attributes:
        alternating_minimization: whether J (the task's loss) and R are minimized in turn.
        delay_epochs: de, the number of first epochs in which only R is minimized.
        train_batch_size: |B|, images in a batch, before a recipe divides it.
        sgdm_learning_rate: learning rate of the Nesterov momentum on J: |B| / 2048.
        alignment_optimizer: the optimizer of R.
        alignment_learning_rate: eta, the learning rate of the optimizer of R.
        sigma: standard deviation of the backward pass's Gaussian input.
        alpha_over_beta: ratio of the first two weights of R.
        beta: second weight of R.
        gamma: third weight of R; None where the rule has no third primitive.
        fo_bias: this and the following eleven are the operations of the backward pass, App. B.1.3:
            on the forward path's output (fo), the backward path's output (bo) and its input (bi).
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
    """Return the configuration with these values, from the store, a file or a person.

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
    """Return the whole configuration of a point: sampled, fixed and derived values together.

    Args:
        space: the search space.
        point: the value of each sampled metaparameter; for a choice the option, not its index.

    Raises:
        ConfigurationError: the point lacks a sampled metaparameter, has one that `space` doesn't
            sample, or has a value outside its range.
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
    """Return why `configuration` is not in `space`, a reason for each metaparameter.

    The list is empty if the configuration is in the space.
    """
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
