"""Operations on the values of dimensions: the pure ones of HyperOpt's scope, in a closed table.

HyperOpt's expressions may compute with dimensions: `hp.uniform("x", 0, 1) ** 2`,
`scope.int(hp.quniform("n", 1, 9, 1))`. The stored space names the operations by HyperOpt's names,
so that a configuration can be computed without the expression.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OperationKind:
    """A row of `OPERATIONS`: the function itself, its number of arguments, and how it is written.

    Attributes:
        function: computes the value, exactly as HyperOpt's scope does.
        least: smallest number of arguments.
        most: largest number of arguments.
        sign: what stands between two arguments in a formula; empty for a function's name before
            them.
    """

    function: Callable[..., Any]
    least: int = 1
    most: int = 1
    sign: str = ""


def _binary(function: Callable[..., Any], sign: str = "") -> OperationKind:
    return OperationKind(function, 2, 2, sign)


def _numpys(name: str) -> Callable[..., Any]:
    """NumPy's function, which HyperOpt's scope calls; NumPy is imported as it is needed."""

    def function(*arguments: Any) -> Any:
        import numpy as np

        return getattr(np, name)(*arguments)

    return function


MOST_ARGUMENTS = 1000
"""Largest number of arguments of max and min; more is no formula that a person wrote."""

OPERATIONS: dict[str, OperationKind] = {
    "int": OperationKind(int),
    "float": OperationKind(float),
    "len": OperationKind(len),
    "list": OperationKind(list),
    "identity": OperationKind(lambda value: value),
    "max": OperationKind(max, 1, MOST_ARGUMENTS),
    "min": OperationKind(min, 1, MOST_ARGUMENTS),
    "getitem": _binary(operator.getitem),
    "add": _binary(operator.add, "+"),
    "sub": _binary(operator.sub, "-"),
    "mul": _binary(operator.mul, "*"),
    "truediv": _binary(operator.truediv, "/"),
    "floordiv": _binary(operator.floordiv, "//"),
    "pow": _binary(operator.pow, "**"),
    "neg": OperationKind(operator.neg),
    "eq": _binary(operator.eq, "=="),
    "lt": _binary(operator.lt, "<"),
    "le": _binary(operator.le, "<="),
    "gt": _binary(operator.gt, ">"),
    "ge": _binary(operator.ge, ">="),
    "exp": OperationKind(_numpys("exp")),
    "log": OperationKind(_numpys("log")),
    "sqrt": OperationKind(_numpys("sqrt")),
    "sin": OperationKind(_numpys("sin")),
    "cos": OperationKind(_numpys("cos")),
    "tan": OperationKind(_numpys("tan")),
    "sum": OperationKind(_numpys("sum")),
    "minimum": _binary(_numpys("minimum")),
    "maximum": _binary(_numpys("maximum")),
}
"""Every operation by its name in HyperOpt's scope."""
