"""Distributed hyperparameter search: the Python API."""

from importlib.metadata import version

__version__ = version("alignsearch")
