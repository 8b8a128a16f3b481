"""Errors for people cross from one process to another whole: pools and Ray pickle them."""

import pickle

import pytest

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.search.documents import errors


def kinds(kind=AlignSearchError):
    """Return a class of errors and all below it."""
    return {kind}.union(*(kinds(each) for each in kind.__subclasses__()))


def test_every_error_is_the_same_after_a_pickle():
    assert errors.ForeignSearchError in kinds()
    for kind in kinds() - {UnknownNameError}:
        error = pickle.loads(pickle.dumps(kind("what is wrong, and where")))
        assert (type(error), str(error)) == (kind, "what is wrong, and where")


@pytest.mark.parametrize("known", [["sphere"], ["sphere", "cube", "spheres"], []])
def test_an_unknown_name_is_the_same_after_a_pickle(known):
    told = UnknownNameError("space", "spere", known)
    error = pickle.loads(pickle.dumps(told))
    assert (type(error), str(error), error.kind, error.name) == (
        UnknownNameError,
        str(told),
        "space",
        "spere",
    )
