"""Descriptions of a search space: a table for people, and JSON."""

from dataclasses import dataclass
from typing import Any, Literal

from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import ROWS


@dataclass(frozen=True)
class Description:
    """One metaparameter of a space: its name, how its value is set, and the source."""

    name: str
    kind: Literal["sampled", "fixed", "derived"]
    distribution: str
    source: str


def describe(space: SearchSpace) -> list[Description]:
    """Return a description of each metaparameter, in the order of Table 5's 22 rows."""
    rows = [
        *(Description(p.name, "sampled", str(p.distribution), p.source) for p in space.sampled),
        *(Description(f.name, "fixed", f"fixed at {f.value}", f.source) for f in space.fixed),
        *(Description(d.name, "derived", str(d), d.source) for d in space.derived),
    ]
    order = [row.field for row in ROWS]
    return sorted(rows, key=lambda row: order.index(row.name))


def to_json(space: SearchSpace) -> dict[str, Any]:
    """Return the whole space as data for JSON, with its hash and every source."""
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
