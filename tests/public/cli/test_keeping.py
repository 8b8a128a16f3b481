"""What `submit` is told about states, leases and early ends."""

from pathlib import Path

import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.checkpoint_options import check_lease, checkpoints_folder, pruning
from alignsearch.search.documents import Pruning


@pytest.mark.parametrize(
    ("asked", "store", "folder"),
    [
        (None, None, str(Path(".alignsearch/checkpoints").absolute())),
        (None, "mongodb://host/", None),
        ("off", None, None),
        ("/shared/states", "mongodb://host/", "/shared/states"),
        ("gs://bucket/states", "mongodb://host/", "gs://bucket/states"),
    ],
)
def test_states_go_where_they_are_asked_to_or_beside_the_embedded_store(asked, store, folder):
    assert checkpoints_folder(asked, store, "digits") == folder


def test_a_rehearsal_keeps_no_states_in_a_bucket():
    with pytest.raises(ConfigurationError, match="folders of this machine"):
        checkpoints_folder("gs://bucket/states", None, "rehearsal")


@pytest.mark.parametrize("seconds", [2.9, 0.0, -5.0, float("nan"), float("inf")])
def test_a_lease_that_cannot_be_renewed_in_time_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="--lease must be from 3 to 86400 seconds"):
        check_lease(seconds)


def test_no_pruner_prunes_nothing():
    assert pruning("none", 1, 3, "loss", 10) is None


def test_a_pruner_is_taken_as_it_was_asked_for():
    found = pruning("asha", 2, 4, "fail", 10)
    assert found == Pruning(pruner="asha", grace=2, reduction=4, informs="fail")


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        (("ash", 1, 3, "loss", 10), UnknownNameError, "did you mean asha"),
        (("asha", 1, 3, "lost", 10), UnknownNameError, "did you mean loss"),
        (("asha", 10, 3, "loss", 10), ConfigurationError, "--grace must be from 1 to 9"),
        (("median", 0, 3, "loss", 10), ConfigurationError, "--grace must be from 1 to 9"),
        (("asha", 1, 1, "loss", 10), ConfigurationError, "--reduction must be from 2 to"),
        (("asha", 1, 10**20, "loss", 10), ConfigurationError, "--reduction must be from 2 to"),
    ],
)
def test_what_no_pruner_can_be_is_refused(asked, error, why):
    with pytest.raises(error, match=why):
        pruning(*asked)
