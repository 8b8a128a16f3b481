"""Hashes of functions that no module has: a script's or a notebook's own.

A hash covers compiled code, not text: it is the same after a change of comments or of the lines
around it, and it is right where the file has been edited since the function was defined.
"""

import functools
import hashlib
import json
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any


def code_hash(function: Any) -> str | None:
    """Return the version of Python and a hash of a function's code, like `3.11:5f0c…`.

    The hash covers the functions and classes of the same module that the function calls by their
    names, those that it encloses, its default arguments, and the methods of an object's class. It
    covers no data: neither global variables nor those of an enclosing function. One version of
    Python compiles a function to another code than the next, so hashes are comparable only within
    one.

    Args:
        function: a function, a method, a class, or an object that can be called.

    Returns:
        The hash; None for what was compiled from another language.
    """
    found = list(_walk(function))
    if not found:
        return None
    text = json.dumps(found, sort_keys=True)
    return f"{_PYTHON}:{hashlib.sha256(text.encode()).hexdigest()}"


def comparable(one: str | None, other: str | None) -> bool:
    """Return whether two hashes of `code_hash` differ only if the functions do."""
    if one is None or other is None:
        return False
    return one.partition(":")[0] == other.partition(":")[0]


_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def _walk(root: Any) -> Iterator[Any]:
    """Yield the code of the root, and of all that it refers to in its own module, each once."""
    own = {"__main__", getattr(root, "__module__", None)}
    waiting, seen = [root], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        found = _references(each)
        if each is root and not isinstance(each, FunctionType | type):
            # The class of an object that is called, or of a method's object.
            found.append(type(getattr(each, "__self__", each)))
        if isinstance(each, FunctionType):
            yield [_code(each.__code__, each.__doc__), _constant(_defaults(each))]
        waiting += [
            one
            for one in found
            if isinstance(one, FunctionType | type | MethodType | functools.partial)
            and (each is root or getattr(one, "__module__", None) in own)
        ]


def _references(value: Any) -> list[Any]:
    """Return what a function, a class or a wrapper refers to."""
    found = [getattr(value, name, None) for name in ("__wrapped__", "__func__", "func")]
    if isinstance(value, FunctionType):
        found += [value.__globals__.get(name) for name in _names(value.__code__)]
        found += [_content(cell) for cell in value.__closure__ or ()]
    if isinstance(value, type):
        found += [getattr(each, "fget", each) for _, each in sorted(vars(value).items())]
        found += value.__bases__
    return found


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        # A variable that is assigned later.
        return None


def _names(code: CodeType) -> list[str]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [*code.co_names, *(name for each in inner for name in _names(each))]


def _defaults(function: FunctionType) -> tuple[Any, ...]:
    named = sorted((function.__kwdefaults__ or {}).items())
    return (*(function.__defaults__ or ()), *named)


def _code(code: CodeType, doc: str | None = None) -> list[Any]:
    constants = list(code.co_consts)
    if doc is not None and constants and constants[0] == doc:
        constants[0] = None
    shape = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    return [code.co_code.hex(), list(code.co_names), [_constant(c) for c in constants], shape]


def _constant(value: Any) -> Any:
    """Return a constant as JSON has it, the same in each process."""
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        # Its order differs from process to process.
        return ["frozenset", sorted(json.dumps(_constant(each)) for each in value)]
    if isinstance(value, tuple):
        return ["tuple", [_constant(each) for each in value]]
    if (
        value is None
        or value is ...
        or isinstance(value, bool | int | float | complex | str | bytes)
    ):
        return [type(value).__name__, repr(value)]
    # A default argument's representation may have its address.
    return ["object", type(value).__name__]
