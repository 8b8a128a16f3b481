"""Checkpoints that stay, and that nothing else is ever removed."""

from pathlib import Path

import pytest

from alignsearch.search.documents import Result, Search, Trial, checkpoint_names
from alignsearch.search.driver.state_retention import remove_surplus_states


@pytest.fixture
def search(make_search, tmp_path):
    return make_search(trials=9, checkpoints=str(tmp_path / "states"), keep_checkpoints=2)


@pytest.fixture
def leave_state(store, search):
    """A trial with a state on disk, queued or completed with a loss."""

    def leave(tid, loss=None):
        trial = store.trials.add(Trial(id=f"{search.name}/{tid}", search=search.name, tid=tid))
        folder = Path(checkpoint_names.of_attempt(search, trial, 1))
        folder.mkdir(parents=True)
        (folder / "state").write_text("some numbers")
        if loss is not None:
            begun = store.attempts.begin(
                trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={}
            )
            result = Result(status="ok", loss=loss)
            store.attempts.finish(trial.id, 1, begun.lease.token, result)
        return trial

    return leave


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_live_trials_and_the_best_finished_ones_keep_their_states(store, search, leave_state):
    for tid, loss in enumerate((0.5, None, 0.1, 0.9, 0.3)):
        leave_state(tid, loss)
    remove_surplus_states(store, search)
    assert names(checkpoint_names.of_search(search)) == ["1", "2", "4"]


def test_swept_after_each_end_the_best_of_all_are_left(store, search, leave_state):
    losses = (0.4, 0.6, 0.5, 0.3, 0.9, 0.3, 0.7)
    for tid, loss in enumerate(losses):
        leave_state(tid, loss)
        remove_surplus_states(store, search)
    kept = [str(trial.tid) for trial in store.trials.best(search.name, 2)]
    assert names(checkpoint_names.of_search(search)) == kept == ["3", "5"]


def test_nothing_outside_the_searchs_own_folder_is_removed(store, search, leave_state, tmp_path):
    leave_state(0, 0.5)
    own = Path(checkpoint_names.of_search(search))
    beside = [tmp_path / "states" / "0", own.with_name(f"{own.name}0") / "0", tmp_path / "0"]
    for folder in beside:
        folder.mkdir(parents=True)
    (own / "notes").write_text("mine")
    (own / "7").symlink_to(tmp_path / "0")
    none_kept = search.model_copy(update={"keep_checkpoints": 0})
    remove_surplus_states(store, none_kept)
    assert "notes" in names(own)
    assert "0" not in names(own)
    assert all(folder.is_dir() for folder in beside)


@pytest.mark.parametrize("name", ["..", "../other", "/etc", "a/b", ".hidden"])
def test_a_name_that_leads_elsewhere_has_no_folder(search, name):
    strange: Search = search.model_copy(update={"name": name})
    assert checkpoint_names.of_search(strange) is None


def test_a_search_without_a_folder_has_nothing_removed(make_search, store):
    remove_surplus_states(store, make_search(name="bare"))
