"""Changes of a document by dotted path, without a store; with one, see contracts/store."""

from datetime import UTC, datetime

import pytest

from alignsearch.search.documents import Attempt, AttemptLease, Result, Trial
from alignsearch.search.documents.changes import apply, as_stored
from alignsearch.search.documents.states import TrialState

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ATTEMPT = Attempt(number=1, owner="w", token="t", host="h", accelerator="cpu", started_at=NOW)
TRIAL = Trial(id="s/0", search="s", tid=0, attempts={"1": ATTEMPT}, timings={"queued": NOW})


def test_a_path_leads_through_documents_and_dictionaries():
    changed = apply(TRIAL, {"attempts.1.outcome": "crashed", "timings.started": NOW, "seen": 3})
    assert changed.attempts["1"] == ATTEMPT.model_copy(update={"outcome": "crashed"})
    assert changed.timings == {"queued": NOW, "started": NOW}
    assert changed.seen == 3
    assert (TRIAL.attempts["1"].outcome, TRIAL.seen) == (None, 0)


def test_a_path_through_what_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        apply(TRIAL, {"attempts.2.outcome": "crashed"})


def test_what_is_stored_has_bsons_types_only():
    lease = AttemptLease(owner="w", attempt=1, token="t", expires_at=NOW, seconds=30.0)
    result = Result(status="ok", loss=0.5)
    stored = as_stored(
        {"state": TrialState.RUNNING, "lease": lease, "result": result, "error": None}
    )
    assert stored == {
        "state": "running",
        "lease": {"owner": "w", "attempt": 1, "token": "t", "expires_at": NOW, "seconds": 30.0},
        "result": result.to_bson(),
        "error": None,
    }
    assert type(stored["state"]) is str
