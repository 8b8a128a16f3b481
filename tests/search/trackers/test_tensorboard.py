"""Event files, read back by TensorBoard itself."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
from run_maker import BEGUN, GROUP, ODD, a_run

from alignsearch.search.trackers.runs import Point, TrackerAwayError
from alignsearch.search.trackers.tensorboard import EventFiles


def read(folder, tid=3):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / GROUP.identity / f"{tid:05d}"), size_guidance={})
    found.Reload()
    return found


def scalars(found, tag):
    return [(event.step, round(event.value, 6)) for event in found.Scalars(tag)]


def written(folder, *runs):
    files = EventFiles(str(folder), GROUP)
    for run in runs:
        files.write(run)
    files.close()


def test_points_come_once_whoever_writes_them(tmp_path):
    written(tmp_path, a_run(points=(1,)), a_run(points=(1, 2)))
    written(tmp_path, a_run(points=(1, 2)), a_run(points=(1, 2, 4)))
    ended = a_run(points=(1, 2, 4, 8), state="completed")
    written(tmp_path, ended, ended)
    written(tmp_path, ended)
    found = read(tmp_path)
    assert scalars(found, "loss") == [(1, 1.0), (2, 0.5), (4, 0.25), (8, 0.125)]
    assert scalars(found, "result/error") == [(8, 0.25)]
    (text,) = found.Tensors("state")
    assert text.tensor_proto.string_val == [b"completed"]


def test_a_step_0_is_there_though_the_trial_began_before_it(tmp_path):
    first = Point(0, BEGUN, {"loss": 1.0})
    written(tmp_path, a_run(points=()), replace(a_run(points=(1,)), points=[first]))
    later = a_run(points=(1, 2), state="completed")
    written(tmp_path, replace(later, points=[first, *later.points]))
    assert scalars(read(tmp_path), "loss") == [(0, 1.0), (1, 1.0), (2, 0.5)]


def test_a_record_that_was_broken_off_is_written_anew(tmp_path):
    run = a_run(points=(1, 2), state="completed")
    written(tmp_path, run)
    (file,) = tmp_path.rglob("events.out.tfevents.*")
    whole = file.read_bytes()
    # A killed process may have written any part of it.
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        written(tmp_path, run)
        assert file.read_bytes() == whole


def test_the_plugin_for_hyperparameters_finds_them_and_how_each_trial_ended(tmp_path):
    from tensorboard.plugins.hparams import api_pb2, metadata

    ends = {
        "completed": api_pb2.STATUS_SUCCESS,
        "pruned": api_pb2.STATUS_SUCCESS,
        "failed": api_pb2.STATUS_FAILURE,
        "diverged": api_pb2.STATUS_FAILURE,
        "cancelled": api_pb2.STATUS_UNKNOWN,
    }
    for tid, (state, status) in enumerate(ends.items()):
        written(tmp_path, a_run(tid, state=state, why="the loss is NaN"))
        about = read(tmp_path, tid).PluginTagToContent("hparams")
        start = metadata.parse_session_start_info_plugin_data(
            about[metadata.SESSION_START_INFO_TAG]
        )
        assert start.hparams["lr"].number_value == 0.1
        assert start.hparams["nested.bias"].bool_value is True
        assert start.hparams["rule"].string_value == "None"
        assert start.group_name == f"mirror/{tid}"
        end = metadata.parse_session_end_info_plugin_data(about[metadata.SESSION_END_INFO_TAG])
        assert end.status == status


def test_numbers_that_are_none_and_odd_names_are_kept(tmp_path):
    values = {**ODD, "gap": math.nan, "ratio": math.inf, "huge": -1e300, "count": 10**30}
    written(tmp_path, a_run(points=(1,), values=values, state="diverged"))
    found = read(tmp_path)
    assert math.isnan(found.Scalars("gap")[0].value)
    assert found.Scalars("ratio")[0].value == math.inf
    assert found.Scalars("huge")[0].value == -math.inf
    for name, value in ODD.items():
        assert scalars(found, name) == [(1, value)]


def test_a_folder_that_cannot_be_written_is_away_and_then_has_everything(tmp_path):
    place = tmp_path / "runs"
    place.write_text("a file")
    with pytest.raises(TrackerAwayError, match="can't be written"):
        written(place, a_run())
    place.unlink()
    written(place, a_run())
    assert scalars(read(place), "loss") == [(1, 1.0), (2, 0.5)]


def test_two_processes_never_write_one_file(tmp_path):
    first = EventFiles(str(tmp_path), GROUP)
    first.write(a_run())
    with pytest.raises(TrackerAwayError, match="another process"):
        written(tmp_path, a_run())
    first.close()
    written(tmp_path, a_run())


def test_tensorflow_is_not_imported(tmp_path):
    script = (
        "import sys; from run_maker import GROUP, a_run\n"
        "from alignsearch.search.trackers.tensorboard import EventFiles\n"
        f"EventFiles({str(tmp_path)!r}, GROUP).write(a_run(state='completed'))\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'keras')]"
    )
    paths = {"PYTHONPATH": "tests/makers"}
    subprocess.run([sys.executable, "-c", script], check=True, env=paths, timeout=300)
