"""The trial as an objective gets it: reports, steps taken over, checkpoints, interruption."""

import logging
import math
import shutil
from types import SimpleNamespace

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.workers.objectives import Link
from alignsearch.workers.trial_context import TrialContext, TrialInterrupted

METRIC = ObjectiveMetric("accuracy", "accuracy", "maximize")
SEARCH = Search(
    name="a-search",
    space="mine",
    space_hash="",
    trials=3,
    parallel=1,
    seed=5,
    startup=1,
    created_by="a test",
)


@pytest.fixture
def attempts(tmp_path):
    """Make the context of each attempt of a trial, with what the attempt records."""
    folders = [str(tmp_path / str(number)) for number in range(1, 10)]

    def make(number=1, *, kept=True, tid=0, folder=None):
        seen = SimpleNamespace(epochs=[], resumed=[], warnings=[], stop=False)
        link = Link(
            on_epoch=seen.epochs.append,
            on_resume=seen.resumed.extend,
            on_warning=seen.warnings.append,
            should_stop=lambda: seen.stop,
            checkpoints=folder or (folders[number - 1] if kept else None),
            resume_from=folders[: number - 1],
        )
        trial = Trial(id=f"a-search/{tid}", search="a-search", tid=tid, attempt=number)
        return TrialContext(SEARCH, trial, link, {"x": 1}, METRIC), seen

    return make


def test_a_report_is_an_epoch_of_the_trial(attempts):
    trial, seen = attempts()
    trial.report(0, loss=1.5, accuracy=0.5)
    trial.report(4, accuracy=math.nan)
    first, second = seen.epochs
    assert (first.trial, first.attempt, first.epoch) == ("a-search/0", 1, 0)
    assert first.metrics == {"loss": 1.5, "accuracy": 0.5}
    assert second.epoch == 4
    assert math.isnan(second.metrics["accuracy"])
    assert 0 <= first.seconds < 60


def test_the_best_step_is_by_the_metrics_direction(attempts):
    trial, _ = attempts()
    assert trial.best_step is None
    for step, accuracy in enumerate((0.5, 0.9, 0.7, math.nan)):
        trial.report(step, accuracy=accuracy)
    assert trial.best_step == 1


@pytest.mark.parametrize(
    ("step", "metrics", "said"),
    [
        (-1, {"loss": 1}, "whole number from 0"),
        (1.5, {"loss": 1}, "whole number from 0"),
        (True, {"loss": 1}, "whole number from 0"),
        (None, {"loss": 1}, "whole number from 0"),
        ("4", {"loss": 1}, "whole number from 0"),
        (math.nan, {"loss": 1}, "whole number from 0"),
        (3, {"loss": 1}, "steps must grow"),
        (2, {"loss": 1}, "steps must grow"),
        (4, {"loss": "low"}, "loss is str 'low'"),
        (4, {"loss": None}, "loss is NoneType"),
    ],
)
def test_a_wrong_report_is_refused(attempts, step, metrics, said):
    trial, seen = attempts()
    trial.report(3, accuracy=0.5)
    with pytest.raises(ConfigurationError, match=said):
        trial.report(step, **metrics)
    assert len(seen.epochs) == 1


def test_whether_to_stop_is_asked_with_and_without_parentheses(attempts):
    trial, seen = attempts()
    asks = trial.should_stop
    assert not trial.should_stop
    assert not trial.should_stop()
    assert not asks
    assert not trial.was_stopped
    seen.stop = True
    # To show it asks nothing.
    assert "should_stop()" in repr(trial.should_stop)
    assert not trial.was_stopped
    assert bool(asks) is True
    assert trial.was_stopped
    assert asks() is True
    assert trial.should_stop
    with pytest.raises(TrialInterrupted):
        trial.report(0, accuracy=0.5)


def test_a_seed_is_the_trials_own_in_each_attempt(attempts):
    seeds = [attempts(tid=tid)[0].seed for tid in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert attempts(2, tid=7)[0].seed == seeds[7]


def test_a_checkpoint_is_found_by_the_next_attempt(attempts):
    trial, _ = attempts()
    assert trial.resume_from is None
    for step in range(4):
        with trial.checkpoint() as folder:
            (folder / "state").write_text(str(step))
    later, _ = attempts(2)
    assert (later.resume_from / "state").read_text() == "3"
    # The one before is kept, in case that the last one can't be read.
    assert len(list(later.resume_from.parent.glob("checkpoint-*"))) == 2
    # An attempt that dies before its own first checkpoint hides none.
    assert attempts(3)[0].resume_from == later.resume_from


def test_a_checkpoint_that_was_not_finished_is_never_found(attempts):
    trial, _ = attempts()
    with trial.checkpoint() as folder:
        (folder / "state").write_text("whole")

    def half():
        with trial.checkpoint() as folder:
            (folder / "state").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert (attempts(2)[0].resume_from / "state").read_text() == "whole"
    with trial.checkpoint() as folder:
        assert list(folder.iterdir()) == []


def test_without_checkpoints_the_folder_is_gone_after_the_block(attempts):
    trial, seen = attempts(kept=False)
    with trial.checkpoint() as folder:
        (folder / "state").write_text("x")
    assert not folder.exists()
    trial.report(1, accuracy=0.5)
    assert seen.warnings == []


def test_a_disk_that_fails_costs_the_checkpoints_and_not_the_trial(attempts, tmp_path):
    (tmp_path / "1").write_text("a file in the folder's place")
    for checkpoint_first in (False, True):
        trial, seen = attempts()
        if not checkpoint_first:
            trial.report(1, accuracy=0.5)
        with trial.checkpoint() as folder:
            (folder / "state").write_text("x")
        trial.report(2, accuracy=0.5)
        (warning,) = seen.warnings
        assert "without checkpoints" in warning
        assert seen.epochs[-1].epoch == 2


def test_a_full_disk_within_the_block_is_warned_of(attempts):
    trial, seen = attempts()
    with trial.checkpoint():
        raise OSError(28, "No space left on device")
    assert "No space left" in seen.warnings[0]


def test_a_bucket_is_refused(attempts):
    with pytest.raises(ConfigurationError, match="--checkpoints off"):
        attempts(folder="gs://bucket/1")


def test_steps_of_before_the_checkpoint_are_taken_over(attempts):
    first, _ = attempts(1)
    for step in range(4):
        first.report(step, accuracy=step / 10)
    second, seen = attempts(2)
    second.report(2, accuracy=0.9)
    assert [(e.epoch, e.attempt, e.metrics["accuracy"]) for e in seen.resumed] == [
        (0, 2, 0.0),
        (1, 2, 0.1),
    ]
    # The third attempt begins where the second one did not come to report.
    third, seen = attempts(3)
    third.report(3, accuracy=0.8)
    assert [each.metrics["accuracy"] for each in seen.resumed] == [0.0, 0.1, 0.9]
    assert [each.epoch for each in seen.resumed] == [0, 1, 2]
    assert third.best_step == 2


def test_where_the_checkpoint_left_nothing_to_do_all_steps_are_taken_over(attempts):
    trial, _ = attempts()
    for step, accuracy in enumerate([0.1, 0.8, 0.3]):
        trial.report(step, accuracy=accuracy)
        with trial.checkpoint():
            pass
    later, seen = attempts(2)
    assert later.resume_from is not None
    later.finish()
    assert [(e.epoch, e.attempt) for e in seen.resumed] == [(0, 2), (1, 2), (2, 2)]
    assert later.best_step == 1
    # The attempt after that finds them too.
    last, seen = attempts(3)
    assert last.resume_from is not None
    last.finish()
    assert [each.metrics["accuracy"] for each in seen.resumed] == [0.1, 0.8, 0.3]


@pytest.mark.parametrize("resumes", [True, False])
def test_at_the_end_nothing_is_taken_over_twice_or_unasked(attempts, resumes):
    trial, _ = attempts()
    trial.report(0, accuracy=0.1)
    with trial.checkpoint():
        pass
    later, seen = attempts(2)
    if resumes:
        assert later.resume_from is not None
        later.report(1, accuracy=0.2)
    later.finish()
    assert [each.epoch for each in seen.resumed] == ([0] if resumes else [])


def test_an_objective_that_starts_anew_takes_nothing_over(attempts):
    first, _ = attempts(1)
    for step in range(4):
        first.report(step, accuracy=0.5)
    second, seen = attempts(2)
    second.report(0, accuracy=0.1)
    assert seen.resumed == []


def test_one_that_asks_is_told_to_stop(attempts):
    trial, seen = attempts()
    assert not trial.should_stop()
    seen.stop = True
    assert trial.should_stop()
    seen.stop = False
    assert trial.should_stop()
    assert trial.was_stopped


def test_one_that_never_asks_is_interrupted_by_its_next_report(attempts):
    trial, seen = attempts()
    seen.stop = True
    trial.report(1, accuracy=0.5)
    with trial.checkpoint() as folder:
        (folder / "state").write_text("1")
    with pytest.raises(TrialInterrupted):
        trial.report(2, accuracy=0.6)
    assert [each.epoch for each in seen.epochs] == [1]
    # It has not been told, and a result that it returns all the same is one.
    assert not trial.was_stopped


def test_its_log_is_the_attempts(attempts, caplog):
    trial, seen = attempts()
    with caplog.at_level(logging.INFO, "alignsearch"):
        trial.log.info("hello")
    assert caplog.messages == ["hello"]
    trial.warn("odd")
    assert seen.warnings == ["odd"]


def test_its_reports_go_with_its_checkpoints(attempts, tmp_path):
    trial, _ = attempts()
    trial.report(1, accuracy=0.5)
    shutil.rmtree(tmp_path / "1")
    later, seen = attempts(2)
    later.report(2, accuracy=0.5)
    assert seen.resumed == []


@pytest.mark.parametrize("step", [2**70, 1e300, 10**400, -1, 0.5, math.nan, "3", None, True])
def test_a_step_that_no_store_holds_is_refused(attempts, step):
    trial, seen = attempts()
    with pytest.raises(ConfigurationError, match="a step is a whole number"):
        trial.report(step, loss=1.0)
    assert seen.epochs == []


@pytest.mark.parametrize(("name", "said"), [("a\0b", "NUL"), ("a\udc80b", "Unicode")])
def test_a_metric_whose_name_no_store_holds_is_refused(attempts, name, said):
    trial, seen = attempts()
    with pytest.raises(ConfigurationError, match=said):
        trial.report(0, **{name: 1.0})
    assert seen.epochs == []
