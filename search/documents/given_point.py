"""A point that a person has given to a search, for its driver to make a trial of."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from alignsearch.search.documents.base import UNSET_TIME, Document
from alignsearch.search.documents.plain_data import UserData
from alignsearch.search.documents.trial import Origin, Result

PointKind = Literal["enqueued", "retry", "imported"]


class GivenPoint(Document):
    """One point that a person has given to a search; it never changes.

    Only a driver adds trials. It reads the points that were given since its last look, and makes a
    trial of each. The trial's `origin.number` says which point it was made of.

    Attributes:
        id: the search's name and the number, so that no search has two points of one number.
        number: the point's number among those of its search, from 0.
        kind: `enqueued` to be tried first, `retry` to repeat a failed trial, `imported` with a
            result from elsewhere.
        point: HyperOpt's value of each active dimension by its label; a choice by its index.
        token: hash of the content; two points of one token are the same request, sent twice.
        of: the trial that is repeated, of a retry.
        note: where the point was found, in words; may be empty.
        result: the result from elsewhere, of an import.
        pruned: whether that result is one of a trial that was ended early.
        started: when the evaluation elsewhere began; None if that isn't known.
        finished: when it ended.
        by: who gave the point.
        at: when it was given.
    """

    id_field: ClassVar[str | None] = "id"

    id: str = Field(min_length=1)
    search: str
    number: int = Field(ge=0)
    kind: PointKind
    point: Annotated[dict[str, float | int], UserData()]
    token: str = Field(min_length=1)
    of: int | None = None
    note: str = ""
    result: Result | None = None
    pruned: bool = False
    started: AwareDatetime | None = None
    finished: AwareDatetime | None = None
    by: str
    at: AwareDatetime = UNSET_TIME

    @model_validator(mode="after")
    def _is_named_by_its_place(self) -> Self:
        if self.id != self.key(self.search, self.number):
            raise ValueError(f"point {self.number} of search {self.search!r} has the id {self.id}")
        if (self.kind == "imported") != (self.result is not None):
            raise ValueError("an imported point has a result, and no other point has one")
        return self

    @classmethod
    def unnumbered(cls, search: str, **fields: Any) -> Self:
        """Return a point that isn't stored yet: it gets its number when it is.

        search: the search's name. **fields: all others but id and number.
        """
        return cls(id=cls.key(search, 0), search=search, number=0, **fields)

    @staticmethod
    def key(search: str, number: int) -> str:
        """Return the id of the search's point `number`."""
        return f"{search}/{number}"

    @property
    def origin(self) -> Origin:
        """The origin of the trial that is made of this point."""
        return Origin(kind=self.kind, number=self.number, of=self.of, note=self.note)


def token_of(kind: PointKind, point: Mapping[str, float], *further: object) -> str:
    """Return the token of a point's content.

    Args:
        kind: the point's kind.
        point: HyperOpt's value of each active dimension by its label.
        *further: what else tells two requests apart, such as a result; as JSON can hold it.
    """
    # 1 and 1.0 are one value of a dimension.
    values = sorted((label, float(value)) for label, value in point.items())
    text = json.dumps([kind, values, *further], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
