"""Documents: what is refused, and that BSON's plain types are all that is written."""

from datetime import UTC, datetime

import bson
import numpy as np
import pytest
from epoch_maker import an_epoch
from pydantic import ValidationError

from alignsearch.search.documents import (
    Attempt,
    AttemptLease,
    Progress,
    Recipe,
    Result,
    Search,
    Trial,
)
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import TrialState

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
RECIPE = Recipe(dataset="digits", width=16, stem="small", epochs=3, batch_divisor=32)
ATTEMPT = Attempt(
    number=1,
    owner="w",
    token="t",
    host="h",
    accelerator="cpu",
    versions={"tensorflow": "2.21.0"},
    slot=0,
    started_at=NOW,
)
TRIAL = Trial(
    id="s/0",
    search="s",
    tid=0,
    seq=3,
    state=TrialState.RUNNING,
    config={"a": 1, "b": 1.0, "c": True, "d": None, "e": "Adam"},
    point={"a": 0},
    lease=AttemptLease(owner="w", attempt=1, token="t", expires_at=NOW),
    attempt=1,
    attempts={"1": ATTEMPT},
    progress=Progress(epoch=1, epochs=3, loss=2.0, validation_error=0.5),
    result=Result(status="ok", loss=0.5, metrics={"accuracy": 0.5}),
    resources={"CPU": 1.0},
    timings={"queued": NOW},
)
SEARCH = Search(
    name="s",
    space="ia",
    space_hash="0123",
    recipe=RECIPE,
    trials=3,
    parallel=2,
    seed=0,
    startup=1,
    created_by="me",
    created_at=NOW,
    updated_at=NOW,
)
EPOCH = an_epoch("s/0", 2)
OPTIONS = bson.CodecOptions(tz_aware=True, tzinfo=UTC)


@pytest.mark.parametrize("document", [TRIAL, SEARCH, EPOCH], ids=["trial", "search", "epoch"])
def test_a_document_survives_bson_with_its_types(document):
    stored = bson.decode(bson.encode(document.to_bson()), OPTIONS)
    back = type(document).from_bson(stored)
    assert back == document
    assert repr(back) == repr(document)


def test_a_choice_that_older_recipes_lack_is_stored_only_if_it_was_made():
    later = {"update_noise_variance": 0.5, "robustness": True}
    assert not SEARCH.to_bson()["recipe"].keys() & later.keys()
    chosen = RECIPE.model_copy(update=later)
    stored = SEARCH.model_copy(update={"recipe": chosen}).to_bson()
    assert stored["recipe"].items() >= later.items()
    assert Search.from_bson(stored).recipe == chosen


def test_documents_are_stored_under_readable_ids():
    assert TRIAL.to_bson()["_id"] == "s/0"
    assert SEARCH.to_bson()["_id"] == "s"
    assert EPOCH.to_bson()["_id"] == "s/0/1/2"


def test_numpys_scalars_become_pythons():
    trial = Trial(
        id="s/0", search="s", tid=0, point={"a": np.int64(3), "b": np.float64(0.5)}, config={}
    )
    assert [type(value) for value in trial.point.values()] == [int, float]
    assert bson.decode(bson.encode(trial.to_bson()))["point"] == {"a": 3, "b": 0.5}


@pytest.mark.parametrize("loss", [None, float("nan"), float("inf")])
def test_a_result_that_is_ok_needs_a_finite_loss(loss):
    with pytest.raises(ValidationError, match="finite loss"):
        Result(status="ok", loss=loss)
    assert Result(status="fail", loss=loss, reason="diverged").reason == "diverged"


@pytest.mark.parametrize(
    "changes",
    [{"trials": 0}, {"parallel": 0}, {"algo": ""}, {"name": ""}, {"unknown_field": 1}],
)
def test_searches_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValidationError):
        Search(**{**SEARCH.model_dump(), **changes})


def test_times_must_say_their_zone():
    with pytest.raises(ValidationError, match="timezone"):
        AttemptLease(owner="w", attempt=1, token="t", expires_at=datetime(2026, 1, 1))


def test_a_stored_document_that_does_not_fit_is_named_with_its_field():
    stored = TRIAL.to_bson()
    stored["lease"]["attempt"] = "first"
    with pytest.raises(StoreCorruptedError, match=r"'s/0'.*lease\.attempt"):
        Trial.from_bson(stored)


def test_documents_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        TRIAL.state = TrialState.QUEUED
