"""Moves the store's password from the command line, which every user sees, to the environment."""

import os
import sys

from alignsearch.search.store.address import mask
from alignsearch.store_variable import STORE_VARIABLE

_OPTION = "--store"


def hide_password() -> None:
    """Execute the command again with the store's URI in the environment, if it has a password.

    Every user of a machine can list command lines, and Ray records those of its drivers.
    """
    given, others = _divided(sys.argv[1:])
    if given and mask(given[-1]) != given[-1]:
        before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
        arguments = [sys.executable, *before, *others]
        os.execve(sys.executable, arguments, {**os.environ, STORE_VARIABLE: given[-1]})


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the values of `--store`, and all other arguments."""
    given: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            # A program's own arguments, which are not ours.
            return given, [*others, argument, *rest]
        name, equals, value = argument.partition("=")
        if name == _OPTION and (equals or (value := next(rest, ""))):
            given.append(value)
        else:
            others.append(argument)
    return given, others
