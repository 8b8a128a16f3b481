"""A search space in words and as plain data."""

from dataclasses import dataclass
from typing import Any, Literal

from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import ROWS


@dataclass(frozen=True)
class Description:
    """One metaparameter of a space: its name, how it is set, and where that is published."""

    name: str
    kind: Literal["sampled", "fixed", "derived"]
    distribution: str
    source: str


def describe(space: SearchSpace) -> list[Description]:
    """One row a metaparameter: the 22 rows of Table 5 in its order, by field name."""
    rows = [
        *(Description(p.name, "sampled", str(p.distribution), p.source) for p in space.sampled),
        *(Description(f.name, "fixed", f"fixed at {f.value}", f.source) for f in space.fixed),
        *(Description(d.name, "derived", str(d), d.source) for d in space.derived),
    ]
    order = [row.field for row in ROWS]
    return sorted(rows, key=lambda row: order.index(row.name))


def to_json(space: SearchSpace) -> dict[str, Any]:
    """The whole space as JSON-ready data, with its hash and every source."""
    return {
        "name": space.name,
        "title": space.title,
        "learning_rule": space.learning_rule,
        "source": space.source,
        "space_hash": space.space_hash,
        "sampled": [
            {"name": p.name, **p.distribution.to_json(), "source": p.source} for p in space.sampled
        ],
        "fixed": [{"name": f.name, "value": f.value, "source": f.source} for f in space.fixed],
        "derived": [{"name": d.name, "formula": str(d), "source": d.source} for d in space.derived],
    }
