"""Flat spaces: a table of metaparameters without conditions, each sampled, fixed or derived.

The four spaces of Kunin et al. 2020, App. B.1, are flat, and so is any space over a learning rule
whose configurations are columns of one table.
"""

from collections.abc import Iterable

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Choice, PChoice, RandInt
from alignsearch.spaces.metaparameter import Derived, Fixed, Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.tree import Branch, Constant, Mapping, Node, Operation, Parameter


def flat_space(
    name: str,
    title: str,
    learning_rule: str,
    source: str,
    sampled: Iterable[Metaparameter],
    fixed: Iterable[Fixed] = (),
    derived: Iterable[Derived] = (),
) -> SearchSpace:
    """Return the space whose configurations have these metaparameters.

    Args:
        name: the name on the command line and in the store.
        title: the heading of the space's column in a table, in LaTeX between dollar signs.
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
        source: the publication of the space.
        sampled: metaparameters that a search samples; options of choices are scalars.
        fixed: metaparameters with one value.
        derived: metaparameters that follow from others.

    Raises:
        ConfigurationError: a metaparameter is named twice, or derived from one that isn't there.
    """
    entries: list[Metaparameter | Fixed | Derived] = [*sampled, *fixed, *derived]
    names = [entry.name for entry in entries]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ConfigurationError(f"space {name!r} names {', '.join(twice)} twice")
    nodes: dict[str, Node] = {}
    for entry in entries:
        if isinstance(entry, Metaparameter):
            nodes[entry.name] = _sampled(entry)
        elif isinstance(entry, Fixed):
            nodes[entry.name] = Constant(entry.value)
        elif entry.numerator in nodes:
            given = (nodes[entry.numerator], Constant(entry.divisor))
            nodes[entry.name] = Operation("truediv", given)
        else:
            raise ConfigurationError(
                f"space {name!r} derives {entry.name} from {entry.numerator}, which it doesn't have"
            )
    return SearchSpace(
        name=name,
        root=Mapping(tuple(nodes.items())),
        title=title,
        learning_rule=learning_rule,
        source=source,
        sources=tuple((entry.name, entry.source) for entry in entries if entry.source),
        layout="flat",
    )


def _sampled(entry: Metaparameter) -> Node:
    """The node that HyperOpt's expression of the metaparameter has."""
    parameter = Parameter(entry.name, entry.distribution)
    if isinstance(entry.distribution, Choice | PChoice):
        return Branch(parameter, tuple(map(Constant, entry.distribution.options)))
    whole = entry.integer or isinstance(entry.distribution, RandInt)
    return Operation("int" if whole else "float", (parameter,))
