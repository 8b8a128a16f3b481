"""Folders that are removed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from alignment_core import files


def test_a_folder_that_two_remove_at_once_is_gone_without_an_error(tmp_path):
    folder = tmp_path / "states"
    for trial in range(100):
        (folder / str(trial)).mkdir(parents=True)
        for at in range(10):
            (folder / str(trial) / str(at)).touch()
    barrier = Barrier(4)

    def removed(_):
        barrier.wait()
        files.remove(str(folder))

    with ThreadPoolExecutor(4) as both:
        list(both.map(removed, range(4)))
    assert not folder.exists()
    files.remove(str(folder))


def test_what_is_no_folder_stays_and_is_named(tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(NotADirectoryError, match="kept"):
        files.remove(str(tmp_path / "kept"))
    assert (tmp_path / "kept").exists()
