"""Models of changing a search's budget, its slots and the rules that end it."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from alignsearch.dashboards.models.base import Model, WithoutEmptyFields
from alignsearch.search.use_cases.rules import Changes

Change = Literal["extend", "set"]


class ChangeRequest(WithoutEmptyFields, Changes):
    """Settings to change; a field that is null, empty or missing stays as it is.

    Times of `until` without a zone are in the server's. `without` removes rules.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"trials": 400, "patience": 50, "without": ["until"]}]}
    )


class Limits(Model):
    """The rules that end a search, beside its number of trials; null for no such rule.

    Attributes:
        until: no trial begins after this time.
        timeout: seconds for which the search is driven at most.
        driven_seconds: seconds for which it has been driven.
        stop_at: value of the metric that is good enough.
        patience: trials in a row without a better one.
        max_failures: trials that may fail, if somebody has set that.
        failures_allowed: trials that may fail.
        progress: how far the search is from each of its rules, in words, by the rule's name.
        ended_by: why no trial begins any more; null while one may.
    """

    until: datetime | None
    timeout: float | None
    driven_seconds: float
    stop_at: float | None
    patience: int | None
    max_failures: int | None
    failures_allowed: int
    progress: dict[str, str]
    ended_by: str | None
