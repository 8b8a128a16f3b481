"""Reading of HyperOpt's expression graphs into trees of `alignsearch.spaces.tree`."""

from typing import Any

import numpy as np
from hyperopt.pyll import Apply, Literal
from hyperopt.pyll.base import MissingArgument
from hyperopt.pyll.stochastic import implicit_stochastic_symbols

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import (
    DISTRIBUTIONS,
    Choice,
    Distribution,
    PChoice,
    RandInt,
    Value,
)
from alignsearch.spaces.operations import OPERATIONS
from alignsearch.spaces.option_names import option_names
from alignsearch.spaces.tree import (
    Branch,
    Constant,
    Mapping,
    Node,
    Operation,
    Parameter,
    Sequence,
    evaluate,
    parameters,
)
from alignsearch.spaces.tree_checks import MOST_DEPTH, MOST_NESTING


def read_expression(expression: Any) -> Node:
    """Return the tree of a HyperOpt expression.

    Raises:
        ConfigurationError: something in it is neither a known expression nor plain data, or it is
            nested too deep; the message has the place.
    """
    try:
        return _Reader().read(expression, "space")
    except RecursionError as error:
        raise ConfigurationError(
            f"the space is nested too deep: at most {MOST_NESTING} dictionaries and lists and "
            f"{MOST_DEPTH} expressions inside each other are possible"
        ) from error


class _Reader:
    """Reads one expression; nodes that several paths reach are read once."""

    def __init__(self) -> None:
        self._known: dict[int, Node] = {}
        # Keeps the expressions alive: their identity is the key above.
        self._read: list[Apply] = []

    def read(self, given: Any, place: str) -> Node:
        """Return the node of an expression, a container with expressions, or a constant."""
        if isinstance(given, Apply):
            if id(given) not in self._known:
                self._keep(given, self._expression(given, place))
            return self._known[id(given)]
        if isinstance(given, dict):
            return self._mapping(list(given.items()), place)
        if isinstance(given, list | tuple):
            return self._sequence(given, place)
        return Constant(_constant(given, place))

    def _keep(self, given: Apply, node: Node) -> None:
        self._known[id(given)] = node
        self._read.append(given)

    def _mapping(self, items: list[tuple[Any, Any]], place: str) -> Mapping:
        for key, _ in items:
            if type(key) is not str:
                raise ConfigurationError(
                    f"{place}: the key {key!r} is no text; write {str(key)!r} instead"
                )
        return Mapping(tuple((key, self.read(value, f'{place}["{key}"]')) for key, value in items))

    def _sequence(self, items: Any, place: str) -> Sequence:
        return Sequence(tuple(self.read(each, f"{place}[{at}]") for at, each in enumerate(items)))

    def _expression(self, given: Apply, place: str) -> Node:
        if isinstance(given, Literal):
            return self._literal(given.obj, place)
        if given.name == "hyperopt_param":
            return self._parameter(given, place)
        if given.name == "switch":
            return self._branch(given, place)
        if given.name == "pos_args":
            return self._sequence(given.pos_args, place)
        if given.name == "dict":
            return self._dictionary(given, place)
        if given.name in implicit_stochastic_symbols:
            raise ConfigurationError(
                f"{place}: scope.{given.name} has no label; write hp.{given.name}(label, ...)"
            )
        if given.name not in OPERATIONS or given.named_args:
            raise ConfigurationError(
                f"{place}: the operation {given.name} is none that can be stored; compute it in "
                f"the objective (known: {', '.join(OPERATIONS)})"
            )
        return Operation(given.name, tuple(self.read(each, place) for each in given.pos_args))

    def _literal(self, value: Any, place: str) -> Node:
        """A constant; lists and dictionaries inside a literal stay what they are."""
        if isinstance(value, list):
            return Operation("list", (self._sequence(value, place),))
        return self.read(value, place)

    def _dictionary(self, given: Apply, place: str) -> Node:
        if not given.pos_args:
            return self._mapping([tuple(pair) for pair in given.named_args], place)
        # With keys that aren't all texts HyperOpt makes a list of pairs.
        (listed,) = given.pos_args
        pairs = [each.pos_args for each in listed.pos_args if len(each.pos_args) == 2]
        if listed.name != "pos_args" or len(pairs) != len(listed.pos_args):
            raise ConfigurationError(f"{place}: write a dictionary instead of scope.dict")
        return self._mapping([(getattr(key, "obj", key), value) for key, value in pairs], place)

    def _parameter(
        self, given: Apply, place: str, options: tuple[Value, ...] | None = None
    ) -> Parameter:
        label = given.arg["label"].obj
        if type(label) is not str:
            raise ConfigurationError(f"{place}: the label {label!r} is no text")
        try:
            return Parameter(label, self._distribution(given.arg["obj"], options, place))
        except ConfigurationError as error:
            if str(error).startswith("space"):
                raise
            raise ConfigurationError(f"{place}, label {label!r}: {error}") from error
        except (TypeError, ValueError, OverflowError) as error:
            # HyperOpt checks the arguments of an expression only when it draws from it.
            raise ConfigurationError(
                f"{place}, label {label!r}: hp.{given.arg['obj'].name} can't have these "
                f"arguments: {error}"
            ) from error

    def _branch(self, given: Apply, place: str) -> Branch:
        chooser, *choices = given.pos_args
        # hp.choice has the dimension itself here; scope.switch(hp.randint(...)) a number of it.
        while chooser.name in ("int", "float"):
            (chooser,) = chooser.pos_args
        if chooser.name != "hyperopt_param":
            raise ConfigurationError(
                f"{place}: the choice is made by scope.{chooser.name}; only hp.choice, hp.pchoice "
                "and hp.randint can choose"
            )
        options = tuple(self.read(each, f"{place}[{at}]") for at, each in enumerate(choices))
        if id(chooser) not in self._known:
            self._keep(chooser, self._parameter(chooser, place, option_names(options)))
        parameter = self._known[id(chooser)]
        assert isinstance(parameter, Parameter)
        if not parameter.index:
            raise ConfigurationError(
                f"{place}: {parameter.label!r} chooses here, but its number is used before; write "
                "the choice first"
            )
        return Branch(parameter, options)

    def _distribution(
        self, given: Apply, options: tuple[Value, ...] | None, place: str
    ) -> Distribution:
        arguments = given.arg
        if arguments.get("size", MissingArgument) is not MissingArgument:
            raise ConfigurationError("a dimension has one value: leave size out")
        read = {
            name: self._numbers(each, place)
            for name, each in arguments.items()
            if name not in ("rng", "size") and each is not MissingArgument
        }
        if options is not None:
            return _choice(given.name, read, options)
        if given.name not in _DRAWN:
            raise ConfigurationError(f"there is no distribution {given.name}")
        try:
            return _DRAWN[given.name].of_arguments(**read)
        except TypeError as error:
            raise ConfigurationError(f"hp.{given.name} can't have {read}: {error}") from error

    def _numbers(self, given: Apply, place: str) -> Any:
        """The value of a distribution's argument, which depends on no dimension."""
        if isinstance(given, Literal) and isinstance(given.obj, np.ndarray):
            return tuple(given.obj.tolist())
        node = self.read(given, place)
        if parameters(node):
            raise ConfigurationError("its range depends on another dimension; give it numbers")
        found = evaluate(node, {})
        if found is None or isinstance(found, str | dict):
            raise ConfigurationError(f"{found!r} is no number")
        return found


def _constant(value: Any, place: str) -> Value:
    if isinstance(value, np.generic):
        value = value.item()
    # Exactly these types: a subclass, like an enumeration's member, would lose what it adds.
    if value is None or type(value) in (bool, int, float, str):
        scalar: Value = value
        return scalar
    if isinstance(value, np.ndarray):
        raise ConfigurationError(f"{place} is an array, no plain data: write .tolist()")
    name = getattr(value, "__qualname__", None)
    shown = f"an object of class {type(value).__qualname__}" if name is None else name
    raise ConfigurationError(
        f"{place} is {shown}, no plain data (a number, text, True, False, None, or lists and "
        "dictionaries of them): name it by a text, and let the objective look it up"
    )


def _choice(kind: str, read: dict[str, Any], options: tuple[Value, ...]) -> Distribution:
    if kind == "categorical":
        return PChoice(tuple(map(float, read["p"])), options)
    if kind == "randint" and RandInt.of_arguments(**read) == RandInt(0, len(options)):
        return Choice(options)
    raise ConfigurationError(f"{len(options)} options can't be chosen by {kind} of {read}")


_DRAWN = {kind: each for kind, each in DISTRIBUTIONS.items() if not each.is_categorical}
"""The distributions that aren't of options, by the name of HyperOpt's random node."""
