"""A prior: where somebody expects the best configurations of a search to be, as plain data."""

from typing import Annotated, Any

from pydantic import Field

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.plain_data import UserData

PriorPoint = Annotated[dict[str, float | int], UserData()]


class Prior(Document):
    """Where a search's best configurations are expected, before it has a result.

    It has either points or distributions. A label that it lacks is as likely anywhere as in the
    space.

    Attributes:
        source: `table5`, `search:OTHER` or `definition`, as it was asked for.
        told: where the points or distributions come from, in words.
        points: good configurations, the best first: HyperOpt's values by label.
        width: the standard deviation around each point, as a share of a dimension's range; None
            without points.
        distributions: a dimension's distribution by its label, as its JSON form.
    """

    source: str = Field(min_length=1)
    told: str = ""
    points: tuple[PriorPoint, ...] = ()
    width: float | None = Field(default=None, gt=0)
    distributions: Annotated[dict[str, dict[str, Any]], UserData()] = Field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the prior as JSON types, for programs."""
        return {**self.model_dump(exclude={"points"}), "points": len(self.points)}

    def __str__(self) -> str:
        """Return the prior in words: its source, and where that comes from."""
        return f"{self.source}: {self.told}" if self.told else self.source
