"""The dimensions of a search space in the order in which HyperOpt draws their values.

HyperOpt compiles a space into a graph. Each dimension's random node needs to know for which trials
the dimension is active, and thus the choices that lead to it. The graph is evaluated from its last
input to its first, and the dimensions are inputs sorted by label. So the order is: by descending
label, but the choices that lead to a dimension come before it. The dimension of a choice's other
options is evaluated, too, for no trial, which draws no random number. Therefore the order does not
depend on what is drawn, and is read from the graph once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import hyperopt
import numpy as np
from hyperopt.pyll import scope
from hyperopt.pyll.base import Apply, Literal

from alignment_core.errors import ConfigurationError
from alignsearch.search.samplers.priors import PRIORS, Prior
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.spaces.space import SearchSpace

Gate = tuple[str, int]
"""A choice's label and the index of its option: the dimensions of this option are active."""


@dataclass(frozen=True)
class Dimension:
    """A dimension of a search space.

    Attributes:
        label: HyperOpt's label, a key of points.
        gates: the options that make the dimension active, any one of them; empty if it always is.
        prior: the dimension's prior in TPE.
        draw: draws a value at random from the dimension's own distribution.
    """

    label: str
    gates: frozenset[Gate]
    prior: Prior
    draw: Callable[[np.random.Generator], Any]

    def is_active(self, point: Mapping[str, Value]) -> bool:
        """Return whether the point's choices lead to this dimension."""
        return not self.gates or any(point.get(choice) == option for choice, option in self.gates)


def dimensions_of(space: SearchSpace) -> tuple[Dimension, ...]:
    """Return the dimensions of a search space in the order of drawing."""
    if not space.sampled:
        # A list of runs, whose trials are all stored before its driver begins.
        return ()
    return read_dimensions(hyperopt.base.Domain(None, to_hyperopt(space)))


def read_dimensions(domain: Any) -> tuple[Dimension, ...]:
    """Return the dimensions of a `hyperopt.base.Domain` in the order of drawing.

    Raises:
        ConfigurationError: a dimension has an unknown distribution, or arguments that are no
                numbers; or a switch is none of `hp.choice` or `hp.pchoice`.
    """
    gates = _gates(domain.expr)
    labels = {node: label for label, node in domain.vh.vals_by_label().items()}
    drawn = [labels[node] for node in _evaluated(domain.s_idxs_vals) if node in labels]
    return tuple(_dimension(label, gates[label], domain.params[label]) for label in drawn)


def _evaluated(expression: Apply) -> Iterator[Apply]:
    """The nodes of a graph in the order in which `hyperopt.pyll.rec_eval` evaluates them."""
    seen: set[Apply] = set()
    stack = [(expression, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((each, False) for each in node.inputs())


def _gates(expression: Apply) -> dict[str, frozenset[Gate]]:
    """The options that make each dimension active, by label; none where it always is."""
    found: dict[str, set[Gate | None]] = {}
    stack: list[tuple[Apply, Gate | None]] = [(expression, None)]
    seen = set(stack)
    switches: dict[str, Apply] = {}
    while stack:
        node, gate = stack.pop()
        if node.name == "hyperopt_param":
            found.setdefault(node.arg["label"].obj, set()).add(gate)
        inputs = [(each, gate) for each in node.inputs()]
        if node.name == "switch":
            choice = _switched_by(node)
            if switches.setdefault(choice, node) is not node:
                raise ConfigurationError(f"{choice}: two switches go by this one dimension")
            inputs[1:] = [(each, (choice, at)) for at, (each, _) in enumerate(inputs[1:])]
        stack += [each for each in inputs if each not in seen]
        seen.update(inputs)
    return {
        label: frozenset() if None in gates else frozenset(gate for gate in gates if gate)
        for label, gates in found.items()
    }


def _switched_by(switch: Apply) -> str:
    """The label of the choice whose value selects the switch's option."""
    index = switch.pos_args[0]
    if index.name != "hyperopt_param":
        raise ConfigurationError(
            f"a switch by {index.name!r} can't be searched: only hp.choice and hp.pchoice choose"
        )
    label: str = index.arg["label"].obj
    return label


def _dimension(label: str, gates: frozenset[Gate], node: Apply) -> Dimension:
    if node.name not in PRIORS:
        raise ConfigurationError(
            f"{label}: unknown distribution {node.name!r}; known are {', '.join(sorted(PRIORS))}"
        )
    given = {
        name: _number(label, value)
        for name, value in node.arg.items()
        if isinstance(value, Apply) and name not in ("rng", "size")
    }
    sample = scope._impls[node.name]

    def draw(rng: np.random.Generator) -> Any:
        return sample(**given, rng=rng, size=1)[0].item()

    return Dimension(label, gates, PRIORS[node.name](**given), draw)


def _number(label: str, argument: Apply) -> Any:
    """An argument of a distribution: a number, or a list of probabilities."""
    if argument.name == "pos_args":
        return np.asarray([_number(label, each) for each in argument.pos_args])
    if not isinstance(argument, Literal):
        raise ConfigurationError(
            f"{label}: an argument of its distribution is computed by {argument.name!r}; "
            "it must be a number"
        )
    return argument.obj
