"""A submission: everything that a person can ask of a new search, as one model.

The command line makes its options from the model's fields, the HTTP API takes it as a body, and
the dashboard's form shows its fields: names, defaults, limits, known names and help texts are
declared here, or with the recipe's fields in `search.documents.recipe`, and nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, get_args

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.files import is_address
from alignsearch.search.documents import (
    DEFAULT_PENDING,
    NAME_FORM,
    NAME_RULE,
    REHEARSAL,
    Document,
    Pruning,
    Recipe,
    RecipeChoices,
)
from alignsearch.search.documents.choices import OneOf, one_of
from alignsearch.search.documents.lease import DEFAULT_LEASE_SECONDS
from alignsearch.search.documents.limits import LARGEST, LONGEST_TEXT, MOST_PARALLEL
from alignsearch.search.documents.resources import parse_resources
from alignsearch.search.pruners.pruner import PRUNERS
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.sampler import (
    ALIASES,
    DEFAULT_SAMPLER,
    SAMPLERS,
    known_samplers,
)
from alignsearch.search.use_cases.confirm_choices import ConfirmChoices
from alignsearch.search.use_cases.defined import known_names
from alignsearch.search.use_cases.mark_choices import MarkChoices
from alignsearch.search.use_cases.metric_choices import MetricChoices
from alignsearch.search.use_cases.notify_choices import NotifyChoices
from alignsearch.search.use_cases.prior_choices import PriorChoices
from alignsearch.search.use_cases.refusals import WRONG, checked, message_of
from alignsearch.search.use_cases.rules import RuleChoices, as_option
from alignsearch.search.use_cases.tracker_choices import TrackerChoices
from alignsearch.spaces.tree import plain_text

NO_PRUNER = "none"
PRUNED_AS: tuple[str, ...] = get_args(Pruning.model_fields["informs"].annotation)

PARALLEL = 60
"""Trials at once by default, where the cluster has room (Kunin et al. 2020, App. B.1)."""
LEAST_LEASE = 3.0
"""The shortest lease in seconds: it is renewed three times while it lasts."""
LONGEST_LEASE = 86_400.0
"""The longest lease in seconds, a day: after a crash, its trial waits that long for a retry."""
NO_CHECKPOINTS = "off"


class _Variant(Protocol):
    """A row of a table of variants."""

    @property
    def help(self) -> str:
        """A line about the variant, for help texts."""


def _rows(table: Mapping[Any, _Variant]) -> str:
    """Return the names of a table of variants, each with its line of help."""
    return "; ".join(f"{name} ({variant.help})" for name, variant in table.items())


class SearchChoices(Document):
    """The definition of a new search, its name, and how much of the space is searched."""

    space: Annotated[str, OneOf("definition", known_names, listed=False, closed=False)] = Field(
        max_length=LONGEST_TEXT,
        description="Definition of the search: a name that `alignsearch spaces` lists, "
        "PACKAGE.MODULE:NAME, or FILE.py:NAME.",
    )
    name: str | None = Field(
        default=None,
        description="Name of the search. Default: the definition, the data set if there is one, "
        "and a number, like ia-digits-1.",
    )
    fix: tuple[str, ...] = Field(
        default=(),
        description="LABEL=VALUE: fixes a dimension of the space at one value; may be repeated.",
    )
    range: tuple[str, ...] = Field(
        default=(),
        description="LABEL=LOW:HIGH: narrows a dimension's range; may be repeated.",
    )
    own_process: bool = Field(
        default=False,
        description="Run each trial in a process of its own, which gives all of its memory back.",
    )
    trials: int = Field(
        default=300,
        ge=1,
        le=LARGEST,
        description="Number of trials with a result; a failed one is replaced by another.",
    )
    parallel: int | None = Field(
        default=None,
        ge=1,
        le=MOST_PARALLEL,
        description=f"Trials that run at once. Default: {PARALLEL}, or as many as the cluster has "
        "room for.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=LARGEST,
        description="Random seed for suggestions, initial weights and the order of images.",
    )


class Submission(
    TrackerChoices,
    NotifyChoices,
    MetricChoices,
    PriorChoices,
    MarkChoices,
    ConfirmChoices,
    RuleChoices,
    RecipeChoices,
    SearchChoices,
):
    """Everything that a person can ask of a new search.

    Raises pydantic's ValidationError, which `refusal` turns into one of ours.
    """

    model_config = ConfigDict(validate_default=True, allow_inf_nan=False)

    algo: Annotated[str, OneOf("sampler", known_samplers, listed=False)] = Field(
        default=DEFAULT_SAMPLER,
        description=f"Sampler of each trial's metaparameters: {_rows(SAMPLERS)}; or the name of "
        "one that an installed package adds.",
    )
    startup: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST,
        description="Results before TPE begins, whose points are random or of the prior. Default: "
        "20, or a third of the trials if that is less; 3 with a prior.",
    )
    pending: Annotated[
        str, OneOf("policy for pending trials", lambda: PENDING_POLICIES, listed=False)
    ] = Field(
        default=DEFAULT_PENDING,
        description=f"How TPE treats a trial that is still running: {_rows(PENDING_POLICIES)}.",
    )
    generation: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Number of trials in a generation. Each trial is suggested from the results of "
        "the generations before its own, so that the points are the same with any number of slots "
        "and after any fault. Default: each trial is suggested from all results so far.",
    )
    resources: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Resources of one trial, like TPU=8 or CPU=0.5. Default: one accelerator, or "
        "one CPU if there is none.",
    )
    allow_gpu_fraction: bool = Field(
        default=False,
        description="Accept a part of a GPU for each trial, like GPU=0.5, though that was never "
        "tried on a GPU.",
    )
    priority: int = Field(
        default=0,
        ge=-LARGEST,
        le=LARGEST,
        description="Priority among the searches of a cluster. One step up doubles the search's "
        "share.",
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        le=LARGEST,
        description="Attempts that may crash or lose their worker before the trial fails.",
    )
    checkpoints: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Folder or gs:// address of the trials' checkpoints, the same on every host; "
        f"{NO_CHECKPOINTS} for none. Default: beside the embedded store, and none with --store.",
    )
    keep_checkpoints: int = Field(
        default=1,
        ge=0,
        le=LARGEST,
        description="Number of the best trials whose last checkpoints are kept after they end.",
    )
    lease: float = Field(
        default=DEFAULT_LEASE_SECONDS,
        ge=LEAST_LEASE,
        le=LONGEST_LEASE,
        description="Seconds without a heartbeat after which a worker or a driver counts as dead.",
    )
    stalled_after: float = Field(
        default=300.0,
        ge=1,
        le=LARGEST,
        description="Seconds without a new epoch after which a trial is taken from its worker. The "
        "wait is at least 10 times the median epoch.",
    )
    pruner: Annotated[str, OneOf("pruner", lambda: (NO_PRUNER, *PRUNERS), listed=False)] = Field(
        default=NO_PRUNER,
        description=f"Pruner, which ends trials early, or {NO_PRUNER}: {_rows(PRUNERS)}.",
    )
    grace: int = Field(
        default=1, ge=1, le=LARGEST, description="Epochs that every trial runs before it is pruned."
    )
    reduction: int = Field(
        default=3,
        ge=2,
        le=LARGEST,
        description="Reduction factor of asha: one in so many trials goes on at each rung.",
    )
    pruned_as: Annotated[str, OneOf("result of a pruned trial", lambda: PRUNED_AS)] = Field(
        default="loss",
        description="Result of a pruned trial that TPE learns from: its last loss, or a failure.",
    )
    warm_start: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Name of a finished search over the same space, whose results TPE starts from.",
    )

    @property
    def earlier(self) -> str | None:
        """Name of another stored search that this one needs as it is submitted; None for none."""
        return self.warm_start or self.prior_search

    @field_validator("fix", "range", "tag", "metric", "constraint", mode="before")
    @classmethod
    def _in_lines(cls, value: Any) -> Any:
        """Accept a form's one text, with an entry a line or semicolons, and Python's dictionary."""
        if isinstance(value, str):
            return tuple(filter(None, map(str.strip, re.split(r"[;\n]", value))))
        if isinstance(value, Mapping):
            return tuple(f"{label}={_as_written(each)}" for label, each in value.items())
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic takes True for 1, and no path holds a NUL character.
        is_flag = cls.model_fields[info.field_name or ""].annotation is bool
        texts = value if isinstance(value, list | tuple) else [value]
        has_nul = any(isinstance(text, str) and "\0" in text for text in texts)
        if (isinstance(value, bool) and not is_flag) or has_nul:
            raise PydanticCustomError(WRONG, "can't be {value}", {"value": repr(value)})
        return value

    @field_validator("algo", mode="before")
    @classmethod
    def _is_called_by_its_own_name(cls, value: Any) -> Any:
        return ALIASES.get(value, value) if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def _is_a_known_name(cls, value: Any, info: ValidationInfo) -> Any:
        names = one_of(cls.model_fields[info.field_name or ""])
        if names is not None and value is not None:
            try:
                names.check(value)
            except UnknownNameError as error:
                raise PydanticCustomError(
                    "unknown_name", "{message}", {"message": str(error)}
                ) from error
        return value

    @field_validator("name")
    @classmethod
    def _has_the_form_of_a_name(cls, value: str | None) -> str | None:
        if value is not None and not NAME_FORM.fullmatch(value):
            raise PydanticCustomError(
                WRONG,
                "{value} can't be used: {rule}",
                {"value": repr(value), "rule": NAME_RULE},
            )
        return value

    @field_validator("resources")
    @classmethod
    def _has_the_form_of_resources(cls, value: str | None) -> str | None:
        if value is not None:
            checked(parse_resources, value, option="--resources")
        return value

    @field_validator("grace", "reduction", "pruned_as")
    @classmethod
    def _is_of_use_to_the_pruner(cls, value: Any, info: ValidationInfo) -> Any:
        name, pruner = info.field_name or "", info.data.get("pruner")
        if value == cls.model_fields[name].default or pruner is None:
            return value
        if pruner == NO_PRUNER:
            raise PydanticCustomError(WRONG, "has no use without a --pruner")
        if name == "reduction" and pruner != "asha":
            raise PydanticCustomError(
                WRONG, "has no use with --pruner {pruner}, only with asha", {"pruner": pruner}
            )
        return value

    @field_validator("checkpoints")
    @classmethod
    def _can_be_written_by_a_rehearsal(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and is_address(value) and info.data.get("dataset") == REHEARSAL:
            raise PydanticCustomError(
                WRONG,
                "{value} can't be used: a rehearsal, which needs no TensorFlow, writes its "
                "checkpoints into folders of this machine only",
                {"value": repr(value)},
            )
        return value

    def check_use(self, definition: str, recipe: Recipe | None) -> None:
        """Refuse options that make no difference to a definition, and a grace that is too long.

        An option counts as given if its value isn't the default.

        Args:
            definition: the definition's address, for messages.
            recipe: the recipe of each trial; None if the definition trains nothing.

        Raises:
            ConfigurationError: an option has no use, or no trial could be pruned.
        """
        if recipe is None:
            for name in self.model_fields_set & RecipeChoices.model_fields.keys():
                if getattr(self, name) != RecipeChoices.model_fields[name].default:
                    raise ConfigurationError(
                        f"{as_option(name)} has no use: {definition} trains nothing of ours, its "
                        "objective is its own"
                    )
        elif self.pruner != NO_PRUNER and self.grace >= recipe.epochs:
            raise ConfigurationError(
                f"--grace must be from 1 to {recipe.epochs - 1}, below the trials' {recipe.epochs} "
                f"epochs, not {self.grace}"
            )

    @property
    def pruning(self) -> Pruning | None:
        """How trials are ended early; None if they are not."""
        if self.pruner == NO_PRUNER:
            return None
        return Pruning.model_validate(
            {
                "pruner": self.pruner,
                "grace": self.grace,
                "reduction": self.reduction,
                "informs": self.pruned_as,
            }
        )


def _as_written(value: Any) -> str:
    """Return a value, or the two ends of a range, as people write them after a label."""
    if isinstance(value, list | tuple):
        return ":".join(map(_as_written, value))
    plain = value.item() if hasattr(value, "item") else value
    return plain_text(plain)


def refusal(
    error: ValidationError, named: Callable[[str], str] | None = None
) -> ConfigurationError:
    """Return the first thing that is wrong with a submission.

    named: from a field to its name in the message; by default the command line's option.
    """
    first = error.errors()[0]
    name = (named or as_option)(str(first["loc"][0])) if first["loc"] else "the submission"
    return ConfigurationError(message_of(first, name, Submission.model_fields))
