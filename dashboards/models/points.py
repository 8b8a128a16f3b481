"""Models of points that people give to a search, and of single trials that they steer."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from alignsearch.dashboards.models.base import LARGEST_NUMBER, LONGEST_NAME, Model
from alignsearch.dashboards.models.searches import SearchSummary
from alignsearch.search.documents.limits import LONGEST_TEXT
from alignsearch.spaces.distributions import Value

MOST_POINTS = 1000
"""Points of one request; more of them stand in a file, for the command line."""
LARGEST_TABLE = 60_000
"""Characters of a table in a request, whose body is limited to 64 kB; larger ones are uploaded as
files."""

Points = Annotated[list[dict[str, Value]], Field(min_length=1, max_length=MOST_POINTS)]
Tids = Annotated[
    list[Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]],
    Field(min_length=1, max_length=MOST_POINTS),
]


class EnqueueRequest(Model):
    """Points to be tried first; exactly one field says which.

    Attributes:
        points: values of each point by dimension, a choice's option as it is shown.
        table: the same as CSV with a header.
        published: the space's columns of Table 5.
        from_search: another search, of which the `top` best points are taken.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"points": [{"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 1e-3}]}]
        }
    )

    points: Points | None = None
    table: Annotated[str, Field(min_length=1, max_length=LARGEST_TABLE)] | None = None
    published: bool = False
    from_search: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] | None = None
    top: Annotated[int, Field(ge=1, le=1000)] = 5

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [self.points, self.table, self.published or None, self.from_search]
        if sum(each is not None for each in given) != 1:
            raise ValueError("exactly one of points, table, published and from_search is needed")
        return self


class RetryRequest(Model):
    """Failed or cancelled trials to try again, by number; null for all failed ones."""

    tids: Tids | None = None


class ImportRequest(Model):
    """Results from elsewhere; exactly one of the first two fields says which.

    Attributes:
        table: CSV with a header, as `alignsearch trials --csv` prints it.
        mongotrials: address of HyperOpt's jobs, as `MongoTrials` has it.
        exp_key: the experiment among those jobs; null if there is one only.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mongotrials": "mongo://localhost:27017/foo/jobs"}]}
    )

    table: Annotated[str, Field(min_length=1, max_length=LARGEST_TABLE)] | None = None
    # No file:/PATH, by which other addresses are read: a browser names no file of this host.
    mongotrials: (
        Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^mongo(db)?(\+srv)?://")] | None
    ) = None
    exp_key: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.table is None) == (self.mongotrials is None):
            raise ValueError("exactly one of table and mongotrials is needed")
        if self.exp_key is not None and self.mongotrials is None:
            raise ValueError("exp_key belongs to mongotrials")
        return self


class GivenPoints(Model):
    """Points that a search has got.

    Attributes:
        message: what was done, for people.
        numbers: the points' numbers in their search.
        left_out: why each of the others was left out, in words.
        summary: the search's progress after it.
    """

    message: str
    numbers: list[int]
    left_out: list[str]
    summary: SearchSummary
