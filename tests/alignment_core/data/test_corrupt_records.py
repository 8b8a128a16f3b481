"""Corrupt records: each kind of damage is located, refused or skipped."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from imagenet_shards import SHARD, damage, flip, labels_of, offset_of

from alignment_core import data
from alignment_core.data import shards
from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.errors import ConfigurationError, DataError
from alignment_core.training.trainer import Trainer, TrainingConfig

PLAIN = TrainingConfig(
    dataset="imagenet",
    epochs=1,
    batch_size=8,
    learning_rate=0.1,
    model="convnet",
    width=2,
    schedule_epochs=1,
    image_size=16,
)

REASONS = {
    "payload": "checksum doesn't fit its content",
    "payload's checksum": "checksum doesn't fit its content",
    "length": "checksum of its length doesn't fit; the rest of the shard is lost",
    "cut in the payload": "cut short",
    "cut in the length": "5 bytes are left",
    "no example": r"no tf\.train\.Example",
    "no image": "no image/encoded",
    "label 0": "label is 0, not one of 1 to 1000",
    "label 1001": "label is 1001",
    "no JPEG": "no JPEG",
    "half a JPEG": "no JPEG, or a damaged one",
}
LOST = ("length", "cut in the payload", "cut in the length")
"""Kinds of damage after which the position of the next record is unknown."""


def test_a_network_is_trained_from_shards_whatever_is_skipped(folder, payloads):
    """A corrupt record ends the training, or is left out of three steps and the validation."""
    offset = damage("no JPEG", folder, payloads)
    config = replace(PLAIN, data_dir=str(folder))
    with pytest.raises(DataError, match=rf"{SHARD} at byte {offset}"):
        Trainer(config).fit()
    with pytest.raises(ConfigurationError, match="a batch of 32 is larger than imagenet's"):
        Trainer(replace(config, batch_size=32))
    trainer = Trainer(replace(config, on_corrupt="skip"))
    assert trainer.steps_per_epoch == 3
    result = trainer.fit()
    assert result.status == "ok"
    assert result.chance_error == 0.9
    assert 0 <= result.validation_error <= 1
    assert np.isfinite(result.epochs[0].validation_loss)


@pytest.mark.parametrize("kind", REASONS)
def test_a_corrupt_record_is_refused_by_shard_and_offset(kind, folder, payloads):
    loaded = data.load("imagenet", folder, data.InputOptions(image_size=8))
    offset = damage(kind, folder, payloads)
    wanted = rf"{SHARD} at byte {offset}: .*{REASONS[kind]}"
    with pytest.raises(DataError, match=wanted):
        labels_of(loaded.train_batches(4, 0, 0))


@pytest.mark.parametrize("kind", REASONS)
def test_a_corrupt_record_is_skipped_and_told_of(kind, folder, payloads, caplog):
    options = data.InputOptions(image_size=8, on_corrupt="skip")
    loaded = data.load("imagenet", folder, options)
    offset = damage(kind, folder, payloads)
    # The third record of the shard is label 8; the shard's last one is label 11.
    lost = {8, 9, 10, 11} if kind in LOST else {8}
    with caplog.at_level(logging.WARNING):
        found = labels_of(loaded.train_batches(4, 0, 0))
    assert f"{SHARD} at byte {offset}" in caplog.text
    assert len(found) == 24
    assert set(found) == set(range(24)) - lost
    surveys = loaded.survey()
    train = surveys["train"]
    assert (train.images, train.expected, train.complete) == (24 - len(lost), 24, False)
    assert [(record.shard, record.offset) for record in train.corrupt] == [
        (str(folder / SHARD), offset)
    ]
    assert surveys["validation"].complete


def test_two_damaged_records_of_a_shard_are_both_found(folder, payloads):
    loaded = data.load("imagenet", folder)
    flip(folder / SHARD, offset_of(payloads, 1) + 40)
    flip(folder / SHARD, offset_of(payloads, 4) + 40)
    survey = loaded.survey()["train"]
    assert survey.images == 22
    assert [record.offset for record in survey.corrupt] == [
        offset_of(payloads, 1),
        offset_of(payloads, 4),
    ]


def test_a_skipped_validation_image_leaves_the_others(folder, payloads):
    name = "validation-00000-of-00002"
    options = data.InputOptions(image_size=8, on_corrupt="skip")
    loaded = data.load("imagenet", folder, options)
    flip(folder / name, 100)
    found = labels_of(loaded.validation_batches(5))
    assert sorted(found) == [PADDING_LABEL, *range(25, 34)]


@pytest.mark.parametrize("when", ["before it is looked for", "before it is read"])
def test_a_shard_that_vanishes_is_named(when, folder, monkeypatch):
    loaded = data.load("imagenet", folder, data.InputOptions(image_size=8))
    if when == "before it is read":

        def found_and_lost(shard):
            there = readable_shard(shard)
            if shard.endswith(SHARD.encode()):
                (folder / SHARD).unlink(missing_ok=True)
            return there

        readable_shard = shards._readable
        monkeypatch.setattr(shards, "_readable", found_and_lost)
    else:
        (folder / SHARD).unlink()
    with pytest.raises(DataError, match=rf"{SHARD} can't be read"):
        labels_of(loaded.train_batches(4, 0, 0))


def test_counting_refuses_a_broken_shard(folder, payloads):
    offset = damage("length", folder, payloads)
    with pytest.raises(DataError, match=rf"{SHARD} at byte {offset}"):
        data.load("imagenet", folder)
    loaded = data.load("imagenet", folder, data.InputOptions(on_corrupt="skip"))
    assert loaded.train_size == 20
