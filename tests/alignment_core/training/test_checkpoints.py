"""Checkpoints: which ones are kept, and how damaged ones are treated."""

import logging
import shutil
from dataclasses import replace

import pytest
import tensorflow as tf

from alignment_core import files
from alignment_core.errors import ConfigurationError, DataError
from alignment_core.training import checkpoints
from alignment_core.training.config import TrainingConfig
from alignment_core.training.results import EpochResult, LayerMetrics

CONFIG = TrainingConfig(dataset="digits", epochs=9, batch_size=64, learning_rate=0.1)
LAYER = LayerMetrics("stem", 89.5, 1.25, None)


def epoch_results(count):
    return [
        EpochResult(epoch, 9, 0.5, 0.75, 0.25, 0.875, 0.1, 0.0, None, (LAYER,), 1.5)
        for epoch in range(1, count + 1)
    ]


class Training:
    """A few numbers that stand for a network's variables."""

    def __init__(self, folder):
        self.folder = folder
        self.weights = tf.Variable(tf.zeros(1000))
        self.state = {"weights": self.weights}

    def save(self, epoch):
        self.weights.assign(tf.fill([1000], float(epoch)))
        progress = checkpoints.TrainingProgress(tuple(epoch_results(epoch)))
        checkpoints.save(str(self.folder), self.state, CONFIG, progress)

    def restore(self, config=CONFIG):
        """Return the epochs' results, and check that the weights belong to the last one."""
        self.weights.assign(tf.fill([1000], -1.0))
        found = list(checkpoints.restore([str(self.folder)], self.state, config).epochs)
        assert set(self.weights.numpy()) == {float(len(found) or -1)}
        return found


@pytest.fixture
def training(tmp_path):
    return Training(tmp_path / "checkpoints")


def kept(training):
    return sorted(path.name for path in training.folder.iterdir())


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


FILES = ("state.index", "state.data-00000-of-00001", "training.json")
DAMAGES = [(file, how) for file in FILES for how in (halve, empty, remove, flip)]
# This pair is left out, because a flipped bit in a text can make another valid text.
DAMAGES.remove(("training.json", flip))


def test_nothing_there_is_nothing_done(training):
    assert training.restore() == []


def test_the_last_two_states_are_kept_and_the_last_is_gone_on_from(training):
    for epoch in (1, 2, 3):
        training.save(epoch)
    assert kept(training) == ["epoch-2", "epoch-3"]
    assert training.restore() == epoch_results(3)


@pytest.mark.parametrize(
    ("file", "how"), DAMAGES, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_damaged_state_falls_back_to_the_one_before_and_says_so(training, caplog, file, how):
    training.save(1)
    training.save(2)
    how(training.folder / "epoch-2" / file)
    with caplog.at_level(logging.WARNING):
        assert training.restore() == epoch_results(1)
    (said,) = caplog.messages
    assert "epoch-2" in said
    assert "is damaged" in said
    assert said.endswith("resuming from epoch-1 instead")
    assert len(said.splitlines()) == 1


def test_states_are_whole_where_folders_cannot_be_renamed():
    """TensorFlow's file system in memory can't rename folders, like a bucket."""
    training = Training("ram://states")
    for epoch in (1, 2, 3):
        training.save(epoch)
    assert files.names("ram://states") == ["epoch-2", "epoch-3"]
    with tf.io.gfile.GFile("ram://states/epoch-4/state.index", "w") as half:
        half.write("a kill came")
    assert training.restore() == epoch_results(3)
    training.save(4)
    assert files.names("ram://states") == ["epoch-3", "epoch-4"]
    files.remove("ram://states")
    assert training.restore() == []


def test_what_follows_a_fallback_takes_the_damaged_states_place(training):
    training.save(1)
    training.save(2)
    halve(training.folder / "epoch-2" / FILES[1])
    training.restore()
    training.save(2)
    assert kept(training) == ["epoch-1", "epoch-2"]
    assert training.restore() == epoch_results(2)


def test_a_damaged_state_of_later_epochs_does_not_outlive_a_new_one(training):
    training.save(1)
    training.save(3)
    halve(training.folder / "epoch-3" / FILES[1])
    training.restore()
    training.save(2)
    assert kept(training) == ["epoch-1", "epoch-2"]


def test_nothing_is_started_over_when_every_state_is_damaged(training):
    training.save(1)
    training.save(2)
    for epoch in (1, 2):
        halve(training.folder / f"epoch-{epoch}" / FILES[1])
    with pytest.raises(DataError, match=r"epoch-2.*epoch-1.*remove the folder"):
        training.restore()
    assert kept(training) == ["epoch-1", "epoch-2"]


def test_another_configurations_state_is_refused_and_is_no_damage(training, caplog):
    training.save(1)
    with pytest.raises(ConfigurationError, match="learning_rate, seed differ"):
        training.restore(replace(CONFIG, seed=3, learning_rate=0.2))
    assert caplog.messages == []


def test_another_networks_state_is_refused(training):
    training.save(1)
    for other in ({"other": training.weights}, {"weights": tf.Variable(tf.zeros(999))}):
        training.state = other
        with pytest.raises(ConfigurationError, match="another version"):
            training.restore()
    assert set(training.weights.numpy()) == {-1.0}


def test_a_state_of_the_version_before_is_refused(training):
    """Earlier versions wrote a `tf.train.Checkpoint` with its graph of objects."""
    training.save(1)
    before = tf.train.Checkpoint(weights=training.weights)
    before.write(str(training.folder / "epoch-1" / "state"))
    with pytest.raises(ConfigurationError, match="another version"):
        training.restore()


def test_half_a_state_that_a_kill_left_does_no_harm(training):
    training.save(1)
    shutil.copytree(training.folder / "epoch-1", training.folder / "unfinished")
    remove(training.folder / "unfinished" / FILES[1])
    assert training.restore() == epoch_results(1)
    training.save(2)
    assert kept(training) == ["epoch-1", "epoch-2"]
