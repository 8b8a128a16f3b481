"""Folders from which a later attempt resumes."""

from pathlib import Path

from alignsearch.search.attempts.checkpoint_folders import earlier_attempts
from alignsearch.search.documents import Trial, checkpoint_names


def test_a_later_attempt_resumes_from_all_earlier_ones(make_search, tmp_path):
    search = make_search(checkpoints=str(tmp_path / "states"))
    trial = Trial(id=f"{search.name}/0", search=search.name, tid=0)
    for attempt in (1, 2, 10):
        Path(checkpoint_names.of_attempt(search, trial, attempt)).mkdir(parents=True)
    found = earlier_attempts(search, trial, 10)
    assert [Path(folder).name for folder in found] == ["1", "2"]
    assert earlier_attempts(search, trial, 1) == []


def test_a_search_without_a_folder_keeps_no_checkpoints(make_search):
    search = make_search(name="bare")
    trial = Trial(id="bare/0", search="bare", tid=0)
    assert checkpoint_names.of_attempt(search, trial, 1) is None
    assert earlier_attempts(search, trial, 2) == []
