"""Search spaces as data: a tree of dimensions, and what follows from it.

This module imports neither HyperOpt nor TensorFlow.
"""

import hashlib
import json
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from alignment_core.errors import ConfigurationError
from alignsearch.spaces import tree, tree_data
from alignsearch.spaces.conditions import conditions_of, holds
from alignsearch.spaces.distributions import Choice, PChoice, RandInt, Value
from alignsearch.spaces.metaparameter import Derived, Fixed, Metaparameter, Settled
from alignsearch.spaces.narrowing import narrowed_tree
from alignsearch.spaces.tree import Node
from alignsearch.spaces.tree_checks import check_tree
from alignsearch.spaces.written_values import written_value

DATA_VERSION = 1
"""Version of `SearchSpace.to_data`; a program that reads an unknown one says so."""


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """A search space: a tree whose configurations a search tries.

    A *point* has a number for each active dimension by label, as HyperOpt has it: the index of a
    choice's option, the value of every other dimension. Inactive dimensions are absent.

    Attributes:
        name: the name on the command line and in the store.
        root: the tree; `resolve` evaluates it.
        title: the heading of the space's column in a table; may have LaTeX between dollar signs.
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`, where the space is one
            over a learning rule; empty otherwise.
        source: the publication of the space; empty for none.
        sources: the publications of single metaparameters, as pairs of name and publication.
        layout: "flat" for a space of `alignsearch.spaces.flat`, a table of metaparameters without
            conditions, whose hash is that of the first stored searches.
        steps: names that had values of a step before the space was narrowed: a value that is fixed
            is shown as it was when it was sampled.
        settled: the dimensions that `narrowed` has fixed; tables go on to show them. They make no
            difference to the hash, nor between spaces, since the tree has their values.

    Raises:
        ConfigurationError: the tree can't be searched or stored; the message says what and where.
    """

    name: str
    root: Node
    title: str = ""
    learning_rule: str = ""
    source: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    layout: Literal["tree", "flat"] = "tree"
    steps: tuple[str, ...] = ()
    settled: tuple[Settled, ...] = ()

    def __post_init__(self) -> None:
        check_tree(self.root)
        # Refuses dimensions that too many combinations of options lead to.
        _ = self.sampled

    @cached_property
    def sampled(self) -> tuple[Metaparameter, ...]:
        """All dimensions, a choice before the dimensions below its options."""
        conditions = conditions_of(self.root)
        sources = dict(self.sources)
        whole = _whole_labels(self.root)
        return tuple(
            Metaparameter(
                each.label,
                each.distribution,
                sources.get(each.label, ""),
                conditions[each.label],
                each.label in whole,
            )
            for each in tree.parameters(self.root)
        )

    @cached_property
    def sampled_names(self) -> frozenset[str]:
        """The names of the metaparameters that a search samples."""
        return frozenset(parameter.name for parameter in self.sampled)

    @cached_property
    def stepped_names(self) -> frozenset[str]:
        """The labels, and the outermost keys, whose values are multiples of a step."""
        labels = {parameter.name for parameter in self.sampled if parameter.stepped}
        dimensions = [(key, tree.dimension_of(node)) for key, node in self._entries]
        keys = {key for key, each in dimensions if each is not None and each.label in labels}
        return frozenset({*labels, *keys, *self.steps})

    @cached_property
    def fixed(self) -> tuple[Fixed, ...]:
        """The metaparameters with one value: constants directly in the space's dictionary."""
        sources = dict(self.sources)
        return tuple(
            Fixed(key, node.value, sources.get(key, ""))
            for key, node in self._entries
            if isinstance(node, tree.Constant)
        )

    @cached_property
    def derived(self) -> tuple[Derived, ...]:
        """The metaparameters that are another one of the space's dictionary over a constant."""
        sources = dict(self.sources)
        keys = {id(node): key for key, node in self._entries}
        return tuple(
            Derived(key, keys[id(above)], float(below.value), sources.get(key, ""))
            for key, node in self._entries
            if isinstance(node, tree.Operation) and node.name == "truediv"
            for above, below in [node.arguments]
            if id(above) in keys
            and isinstance(below, tree.Constant)
            and isinstance(below.value, int | float)
        )

    @cached_property
    def field_names(self) -> frozenset[str]:
        """The labels of dimensions, and the outermost keys that configurations can have."""
        keys = {key for node in tree.alternatives(self.root) for key, _ in _entries_of(node)}
        return self.sampled_names | keys

    def settled_values(self, point: AnyMapping[str, Any]) -> dict[str, Value]:
        """Return the values of the dimensions that `narrowed` has fixed, by label.

        Those are left out that aren't active at this point of the space.
        """
        numbers = {**{each.name: each.number for each in self.settled}, **point}
        return {e.name: e.value for e in self.settled if holds(e.conditions, numbers)}

    @property
    def _entries(self) -> tuple[tuple[str, Node], ...]:
        return _entries_of(self.root)

    @cached_property
    def space_hash(self) -> str:
        """SHA-256 of everything that a stored point's meaning depends on, in hexadecimal.

        The hash covers the learning rule, distributions, conditions, constants, operations and the
        order of options, because stored points hold the options' indices; a flat space's also its
        name. It leaves out titles, citations and the order of a dictionary's keys: a stored search
        must still find its space after a citation was corrected.
        """
        content = self._flat_content() if self.layout == "flat" else self._tree_content()
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def _flat_content(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "learning_rule": self.learning_rule,
            "sampled": {p.name: p.distribution.to_json() for p in self.sampled},
            "fixed": {entry.name: entry.value for entry in self.fixed},
            "derived": {entry.name: [entry.numerator, entry.divisor] for entry in self.derived},
        }

    def _tree_content(self) -> dict[str, Any]:
        return {"learning_rule": self.learning_rule, "nodes": tree_data.canonical(self.root)}

    def active(self, point: AnyMapping[str, float]) -> tuple[str, ...]:
        """Return the labels of the dimensions that are active at a point, in `sampled`'s order."""
        return tuple(each.name for each in self.sampled if holds(each.conditions, point))

    def resolve(self, point: AnyMapping[str, float]) -> Any:
        """Return the configuration at a point as plain data, exactly as `hyperopt.space_eval`.

        Lists are tuples in it, as HyperOpt makes them, and NumPy's scalars are Python's. Ranges
        are not checked (`check_point`).

        Raises:
            ConfigurationError: the point lacks an active dimension, an index has no option, or an
                operation has no value at the point.
        """
        return tree.evaluate(self.root, point)

    def values(self, point: AnyMapping[str, float]) -> dict[str, Value]:
        """Return a readable value for each active dimension: a choice has its option.

        An option that is no scalar has its short name, and whole numbers are integers.

        Raises:
            ConfigurationError: an index has no option.
        """
        return {
            each.name: _readable(each, point[each.name])
            for each in self.sampled
            if each.name in point and holds(each.conditions, point)
        }

    def check_point(self, point: AnyMapping[str, Any]) -> None:
        """Check that a point has the active dimensions and no others, each in its range.

        Raises:
            ConfigurationError: it doesn't; the message names each dimension that is wrong.
        """
        strange = sorted(point.keys() - self.sampled_names)
        wrong = [f"it doesn't sample {', '.join(strange)}"] if strange else []
        for each in self.sampled:
            active = holds(each.conditions, point)
            if active and each.name not in point:
                wrong.append(f"{each.name} is missing")
            elif each.name in point and not active:
                wrong.append(f"{each.name} is inactive with these choices, but has a value")
            elif active:
                wrong.extend(_outside(each, point[each.name]))
        if wrong:
            raise ConfigurationError(f"not a point of space {self.name!r}: {'; '.join(wrong)}")

    def narrowed(
        self, fixed: AnyMapping[str, str], ranges: AnyMapping[str, tuple[float, float]]
    ) -> "SearchSpace":
        """Return the space with some dimensions fixed and others in smaller ranges.

        A fixed dimension is a constant of the new space, without what only another option of a
        fixed choice had. The name stays, and the hash is another one.

        Args:
            fixed: values by label, as people write them: a choice's option or its short name, or a
                number.
            ranges: the lowest and the highest value by label, for dimensions with a range.

        Raises:
            UnknownNameError: the space has no such dimension.
            ConfigurationError: a dimension is both fixed and given a range, a value or range
                doesn't lie in the dimension's own, a dimension has no range, or it disappears
                because a choice is fixed at an option without it.

        Example:
            >>> get_space("ia").narrowed({"bo_relu": "False"}, {"gamma": (1e-8, 1.0)})
        """
        if not fixed and not ranges:
            return self
        sources = tuple(
            (name, f"narrowed; {source}" if name in fixed or name in ranges else source)
            for name, source in self.sources
        )
        root = narrowed_tree(self.name, self.root, self.sampled, fixed, ranges)
        steps = tuple(sorted(self.stepped_names)) if fixed else self.steps
        settled = tuple(
            Settled(each.name, number, _readable(each, number), each.conditions)
            for each in self.sampled
            if each.name in fixed
            for number in [written_value(each, fixed[each.name])]
        )
        return replace(
            self, root=root, sources=sources, steps=steps, settled=(*self.settled, *settled)
        )

    def to_data(self) -> dict[str, Any]:
        """Return the whole space as plain data, which `from_data` reads.

        The data are JSON's and BSON's: whole numbers have at most 64 bits, and texts of users are
        values, never keys.
        """
        return {
            "version": DATA_VERSION,
            "name": self.name,
            "title": self.title,
            "learning_rule": self.learning_rule,
            "source": self.source,
            "sources": [list(pair) for pair in self.sources],
            "layout": self.layout,
            "nodes": tree_data.to_data(self.root),
            **({"steps": list(self.steps)} if self.steps else {}),
            **({"settled": [each.to_data() for each in self.settled]} if self.settled else {}),
        }

    @classmethod
    def from_data(cls, data: AnyMapping[str, Any]) -> "SearchSpace":
        """Return the space that `to_data` wrote as these data.

        Raises:
            ConfigurationError: the data are no space's, or one's of a later version.
        """
        if data.get("version") != DATA_VERSION:
            raise ConfigurationError(
                f"a stored space has version {data.get('version')!r}, but this program reads "
                f"version {DATA_VERSION}: upgrade alignsearch"
            )
        try:
            return cls(
                name=str(data["name"]),
                root=tree_data.from_data(data["nodes"]),
                title=str(data["title"]),
                learning_rule=str(data["learning_rule"]),
                source=str(data["source"]),
                sources=tuple((str(name), str(text)) for name, text in data["sources"]),
                layout="flat" if data["layout"] == "flat" else "tree",
                steps=tuple(map(str, data.get("steps", ()))),
                settled=tuple(map(Settled.from_data, data.get("settled", ()))),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"a stored space can't be read: {error!r}") from error

    @cached_property
    def _identity(self) -> str:
        return json.dumps(replace(self, settled=()).to_data(), sort_keys=True)

    def __eq__(self, other: object) -> bool:
        """Return whether two spaces have the same data."""
        return isinstance(other, SearchSpace) and self._identity == other._identity

    def __hash__(self) -> int:
        """Return a hash that equal spaces share."""
        return hash(self._identity)


def _entries_of(node: Node) -> tuple[tuple[str, Node], ...]:
    return node.entries if isinstance(node, tree.Mapping) else ()


def _readable(parameter: Metaparameter, number: float) -> Value:
    distribution = parameter.distribution
    if isinstance(distribution, Choice | PChoice):
        options = distribution.options
        if not (0 <= number < len(options) and number == int(number)):
            raise ConfigurationError(
                f"{parameter.name} has options 0 to {len(options) - 1}, not {number!r}"
            )
        return options[int(number)]
    return int(number) if parameter.integer else float(number)


def _outside(parameter: Metaparameter, value: Any) -> list[str]:
    """Why a value of a point is none of its dimension's; empty if it is one."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice | PChoice):
        options = len(distribution.options)
        if isinstance(value, int | float) and value in range(options):
            return []
        return [f"{parameter.name} has options 0 to {options - 1}, not {value!r}"]
    if isinstance(value, float):
        # exp(log(end)) may miss the end by a rounding error, and would then lie outside the range.
        value = distribution.nearest(value)
    return (
        [] if distribution.contains(value) else [f"{parameter.name} is {value}, not {distribution}"]
    )


def _whole_labels(root: Node) -> set[str]:
    """The dimensions that are made whole numbers wherever they stand."""
    above: dict[int, list[Node]] = {}
    order = tree.postorder(root)
    for node in order:
        for child in tree.children(node):
            above.setdefault(id(child), []).append(node)

    def is_whole(node: Node) -> bool:
        users = above.get(id(node), [])
        return bool(users) and all(
            isinstance(user, tree.Operation)
            and (user.name == "int" or (user.name == "float" and is_whole(user)))
            for user in users
        )

    return {
        node.label
        for node in order
        if isinstance(node, tree.Parameter)
        and (isinstance(node.distribution, RandInt) or is_whole(node))
    }
