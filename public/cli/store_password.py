"""Keeps a store's password where only its owner sees it."""

import os
import sys

from alignsearch.search.store.address import mask

STORE_VARIABLE = "ALIGNSEARCH_STORE"
_OPTION = "--store"


def hide_password() -> None:
    """Begin again with the store's URI in the environment, if it has a password.

    Everybody on a machine can list command lines, and Ray keeps that of whoever joins it.
    """
    given, others = _divided(sys.argv[1:])
    if given and mask(given[-1]) != given[-1]:
        before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
        arguments = [sys.executable, *before, *others]
        os.execve(sys.executable, arguments, {**os.environ, STORE_VARIABLE: given[-1]})


def forget_store() -> None:
    """Keep the store's URI out of the environment of the processes that are started from now on."""
    os.environ.pop(STORE_VARIABLE, None)


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What `--store` was given, and all the rest."""
    given, others = [], []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name == _OPTION and (equals or (value := next(rest, ""))):
            given.append(value)
        else:
            others.append(argument)
    return given, others
