"""Conditions of a space's dimensions: which options have to be chosen for each to be active.

HyperOpt's `expr_to_config` gives the same conditions, unsimplified: a path a conjunction.
"""

from collections.abc import Mapping as AnyMapping

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.tree import Branch, Node, Parameter, children, postorder

Conjunction = tuple[tuple[str, int], ...]
"""Options that have to be chosen together, each as a choice's label and the option's index."""
Conditions = tuple[Conjunction, ...]
"""A disjunction: a dimension is active where one of these conjunctions holds.

`((),)` is always active: its only conjunction is empty.
"""

ALWAYS: Conditions = ((),)

MOST_CONJUNCTIONS = 500
"""Largest number of conjunctions of one dimension; each is looked at for every point."""

_Terms = set[frozenset[tuple[str, int]]]


def holds(conditions: Conditions, point: AnyMapping[str, float]) -> bool:
    """Return whether conditions hold at a point, which has options' indices by label."""
    # Most dimensions of most spaces: a driver asks this for each of them at every trial.
    if conditions == ALWAYS:
        return True
    return any(all(point.get(label) == option for label, option in each) for each in conditions)


def conditions_of(root: Node) -> dict[str, Conditions]:
    """Return the conditions of each dimension by label.

    A dimension that is reached whatever a choice chooses doesn't depend on the choice. The
    conjunctions name choices in the order of the tree, outer ones first.

    Raises:
        ConfigurationError: a dimension is reached by too many combinations of options.
    """
    order = list(reversed(postorder(root)))
    sizes = {node.label: len(node.options) for node in order if isinstance(node, Branch)}
    rank = {label: at for at, label in enumerate(sizes)}
    terms: dict[int, _Terms] = {id(root): {frozenset()}}
    for node in order:
        own = _simplified(terms[id(node)], sizes, node)
        terms[id(node)] = own
        if isinstance(node, Branch):
            terms.setdefault(id(node.parameter), set()).update(own)
            for at, option in enumerate(node.options):
                terms.setdefault(id(option), set()).update(_with(own, node.label, at))
        else:
            for child in children(node):
                terms.setdefault(id(child), set()).update(own)
    return {
        node.label: tuple(
            sorted(tuple(sorted(each, key=lambda pair: rank[pair[0]])) for each in terms[id(node)])
        )
        for node in order
        if isinstance(node, Parameter)
    }


def _with(terms: _Terms, label: str, option: int) -> _Terms:
    """The terms with one more option chosen, without those that chose another one of its choice."""
    others = {term: {at for name, at in term if name == label} for term in terms}
    return {term | {(label, option)} for term, chosen in others.items() if chosen <= {option}}


def _simplified(terms: _Terms, sizes: dict[str, int], node: Node) -> _Terms:
    """The same disjunction in fewer terms."""
    kept = _without_implied(terms) if len(terms) <= MOST_CONJUNCTIONS else terms
    while 1 < len(kept) <= MOST_CONJUNCTIONS:
        rests = {
            (frozenset(pair for pair in term if pair[0] != label), label)
            for term in kept
            for label, _ in term
        }
        merged = {rest for rest, label in rests if _covers(kept, rest, label, sizes)}
        if not merged - kept:
            break
        kept = _without_implied(kept | merged)
    if len(kept) > MOST_CONJUNCTIONS:
        what = f"dimension {node.label!r}" if isinstance(node, Parameter | Branch) else "a part"
        raise ConfigurationError(
            f"{what} of the space is reached by more than {MOST_CONJUNCTIONS} combinations of "
            "options: give it to fewer choices, or a label of its own to each"
        )
    return kept


def _covers(
    terms: _Terms, rest: frozenset[tuple[str, int]], label: str, sizes: dict[str, int]
) -> bool:
    """Return whether `rest` is enough, because every option of the choice `label` is among them."""
    return all(
        any(term <= rest | {(label, option)} for term in terms) for option in range(sizes[label])
    )


def _without_implied(terms: _Terms) -> _Terms:
    return {term for term in terms if not any(other < term for other in terms)}
