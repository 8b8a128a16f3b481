"""The environment variables that name the store, which no child process inherits, and Ray."""

import os

STORE_VARIABLE = "ALIGNSEARCH_STORE"
RAY_VARIABLE = "ALIGNSEARCH_RAY"

_forgotten: dict[str, str] = {}


def forget_store() -> None:
    """Remove the store's URI, which may hold a password, from the environment of new processes."""
    named = os.environ.pop(STORE_VARIABLE, None)
    if named is not None:
        _forgotten[STORE_VARIABLE] = named


def store_of_environment() -> str | None:
    """Return the store's URI that this process was started with, also once it is forgotten."""
    return os.environ.get(STORE_VARIABLE) or _forgotten.get(STORE_VARIABLE)


def ray_of_environment() -> str | None:
    """Return the address of the Ray cluster that this process was started with."""
    return os.environ.get(RAY_VARIABLE) or None
