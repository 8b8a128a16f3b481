"""Descriptions of a search space: a table for people, and JSON."""

from dataclasses import dataclass
from typing import Any, Literal

from alignsearch.spaces.definition import Definition, Table
from alignsearch.spaces.distributions import Choice, PChoice
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.tree import Mapping, Operation, dimension_of, formula, plain_text


@dataclass(frozen=True)
class Description:
    """One metaparameter of a space: its name, how its value is set, when it is active, the source.

    condition: what has to be chosen for it to be active; empty where it always is.
    """

    name: str
    kind: Literal["sampled", "fixed", "derived"]
    distribution: str
    source: str
    condition: str = ""


def describe(space: SearchSpace, table: Table | None = None) -> list[Description]:
    """Return a description of each metaparameter.

    Args:
        space: the space.
        table: gives the order of those that it has rows for; the others follow in the space's own.
    """
    rows = [
        *(
            Description(p.name, "sampled", str(p.distribution), p.source, condition_text(space, p))
            for p in space.sampled
        ),
        *(Description(f.name, "fixed", f"fixed at {f.value}", f.source) for f in space.fixed),
        *(Description(name, "derived", text, source) for name, text, source in _derived(space)),
    ]
    order = {row.field: at for at, row in enumerate(table.rows)} if table else {}
    return sorted(rows, key=lambda row: order.get(row.name, len(order)))


def condition_text(space: SearchSpace, parameter: Metaparameter) -> str:
    """Return in words when a dimension is active: `model = svm and kernel = rbf`, or nothing."""
    if not parameter.conditional:
        return ""
    named = _named_conditions(space, parameter)
    return " or ".join(" and ".join(f"{label} = {option}" for label, option in e) for e in named)


def to_json(space: SearchSpace) -> dict[str, Any]:
    """Return the whole space as data for JSON, with its hash and every source.

    A conditional dimension has its `conditions`: it is active where one of them holds, and each is
    a list of pairs of a choice and the option that it has to choose.
    """
    return {
        "name": space.name,
        "title": space.title,
        "learning_rule": space.learning_rule,
        "source": space.source,
        "space_hash": space.space_hash,
        "sampled": [
            {"name": p.name, **p.distribution.to_json(), "source": p.source}
            | ({"conditions": _named_conditions(space, p)} if p.conditional else {})
            for p in space.sampled
        ],
        "fixed": [{"name": f.name, "value": f.value, "source": f.source} for f in space.fixed],
        "derived": [
            {"name": name, "formula": text, "source": source}
            for name, text, source in _derived(space)
        ],
    }


def definition_json(definition: Definition) -> dict[str, Any]:
    """Return a definition's space as `to_json`, with its goal and where it comes from."""
    source = definition.source
    return to_json(definition.space) | {
        "metric": definition.metric,
        "direction": definition.direction,
        "definition": source
        and {
            "kind": source.kind,
            "address": source.address,
            "path": source.path and str(source.path),
            "sha256": source.sha256,
            "packages": dict(source.packages),
        },
    }


def _named_conditions(space: SearchSpace, parameter: Metaparameter) -> list[list[list[str]]]:
    options = {
        each.name: each.distribution.options
        for each in space.sampled
        if isinstance(each.distribution, Choice | PChoice)
    }
    return [
        [[label, plain_text(options[label][at])] for label, at in each]
        for each in parameter.conditions
    ]


def _derived(space: SearchSpace) -> list[tuple[str, str, str]]:
    """The name, formula and source of each entry of the space that is computed from dimensions."""
    sources = dict(space.sources)
    ratios = {each.name: str(each) for each in space.derived}
    entries = space.root.entries if isinstance(space.root, Mapping) else ()
    return [
        (key, ratios.get(key) or formula(node), sources.get(key, ""))
        for key, node in entries
        if isinstance(node, Operation) and dimension_of(node) is None
    ]
