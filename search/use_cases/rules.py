"""Settings of a search that end it or share out its slots, as people give them.

A new search takes the rules as fields of its submission, a stored one as `Changes`. The command
line makes its options from the fields, the HTTP API takes them as a body, and Python as keywords.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Document
from alignsearch.search.documents.durations import parse_duration, parse_time
from alignsearch.search.documents.limits import LARGEST, LONGEST_TEXT, MOST_PARALLEL
from alignsearch.search.use_cases.notify_choices import NotifyChoices
from alignsearch.search.use_cases.refusals import WRONG, checked, message_of

NO_TIMEOUT = (
    "--timeout has no use: no driver drives this search, whose trials programs ask for by ask()"
)


class RuleChoices(Document):
    """The rules that end a search, beside its number of trials."""

    model_config = ConfigDict(allow_inf_nan=False)

    until: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Time after which no trial begins, like 08:00 or 2026-12-01T08:00+01:00. "
        "Without a zone it is in that of the machine that reads it.",
    )
    timeout: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Time for which the search is driven at most, like 90s, 30m, 12h or 2d. While "
        "it is paused, the time stands still.",
    )
    stop_at: float | None = Field(
        default=None,
        description="Value of the metric that is good enough: with it the search ends.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Number of trials in a row that are no better than the best one, by which the "
        "search ends.",
    )
    max_failures: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST,
        description="Number of trials that may fail; one more, and the search fails. Default: the "
        "number of slots or a tenth of the trials, and 3 at least.",
    )

    @field_validator("timeout", mode="before")
    @classmethod
    def _a_number_counts_seconds(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value}s"
        return value

    @field_validator("timeout")
    @classmethod
    def _is_a_duration(cls, value: str | None) -> str | None:
        if value is not None:
            checked(parse_duration, value)
        return value

    def rules(self, now: datetime) -> dict[str, Any]:
        """Return all rules by the names of a search's fields; those not asked for are None.

        now: the present, after which `until` must lie.

        Raises:
            ConfigurationError: `until` is no time, or past.
        """
        try:
            until = None if self.until is None else parse_time(self.until, now)
        except ConfigurationError as error:
            raise ConfigurationError(f"--until {error}") from error
        return {
            "until": until,
            "timeout": None if self.timeout is None else parse_duration(self.timeout),
            "stop_at": self.stop_at,
            "patience": self.patience,
            "max_failures": self.max_failures,
        }


RULES = tuple(RuleChoices.model_fields)
"""Names of the rules, which are fields of a search, too."""
REMOVABLE = (*RULES, *NotifyChoices.model_fields)
"""Names of settings that a search can be without."""


class Changes(NotifyChoices, RuleChoices):
    """Settings of a stored search to change; a field that is None stays as it is.

    Raises pydantic's ValidationError, which `wrong_change` turns into one of ours.
    """

    trials: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Number of trials in all, those with a result included.",
    )
    parallel: int | None = Field(
        default=None, ge=1, le=MOST_PARALLEL, description="Trials that run at once."
    )
    priority: int | None = Field(
        default=None,
        ge=-LARGEST,
        le=LARGEST,
        description="Priority among the searches of a cluster. One step up doubles the search's "
        "share.",
    )
    without: tuple[str, ...] = Field(
        default=(),
        description="Setting to remove: until, timeout, stop-at, patience, max-failures or notify; "
        "may be repeated.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: Any) -> Any:
        # pydantic takes True for 1.
        if isinstance(value, bool):
            raise PydanticCustomError(WRONG, "can't be {value}", {"value": repr(value)})
        return value

    @field_validator("without", mode="after")
    @classmethod
    def _can_be_removed(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in (each.replace("-", "_") for each in names):
            if name not in REMOVABLE:
                wrong = str(UnknownNameError("setting to remove", name, REMOVABLE))
                raise PydanticCustomError("unknown_name", "{message}", {"message": wrong})
            if info.data.get(name) is not None:
                raise PydanticCustomError(
                    WRONG, "{name} has no use beside a new --{name}", {"name": name}
                )
        return tuple(each.replace("-", "_") for each in names)

    def fields(self, now: datetime) -> dict[str, Any]:
        """Return what is to change by the names of a search's fields, None for one to remove.

        now: the present, after which `until` must lie.

        Raises:
            ConfigurationError: nothing is to change, or `until` is no time, or past.
        """
        asked = {**self.rules(now), "trials": self.trials, "parallel": self.parallel}
        asked |= {"priority": self.priority, "notify": self.notify}
        changes = {name: value for name, value in asked.items() if value is not None}
        changes |= dict.fromkeys(self.without, None)
        if not changes:
            options = ", ".join(as_option(name) for name in Changes.model_fields)
            raise ConfigurationError(f"nothing is to change: give one of {options}")
        return changes


def changes_of(given: Mapping[str, Any], named: Callable[[str], str] | None = None) -> Changes:
    """Return the changes that keywords ask for.

    named: from a field to its name in messages; by default the command line's option.

    Raises:
        ConfigurationError: one of them can't be used.
    """
    try:
        return Changes(**given)
    except ValidationError as error:
        raise wrong_change(error, named) from None


def wrong_change(
    error: ValidationError, named: Callable[[str], str] | None = None
) -> ConfigurationError:
    """Return the first thing that is wrong with changes; `named` as in `changes_of`."""
    first = error.errors()[0]
    name = (named or as_option)(str(first["loc"][0])) if first["loc"] else "the change"
    return ConfigurationError(message_of(first, name, Changes.model_fields))


def as_option(field: str) -> str:
    """Return the command line's option for a field."""
    return f"--{field.replace('_', '-')}"
