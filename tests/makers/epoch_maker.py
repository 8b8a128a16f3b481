"""Documents of epochs for tests to store, read and draw."""

from alignsearch.search.documents import Epoch, LayerRecord

KNOWN = {
    "epochs": 3,
    "loss": 2.0,
    "train_accuracy": 0.3,
    "validation_loss": 2.1,
    "validation_accuracy": 0.25,
    "learning_rate": 0.1,
    "alignment_learning_rate": 0.01,
    "alignment_loss": -1.5,
    "layers": (LayerRecord(name="conv", angle=80.0, norm_ratio=1.1),),
    "seconds": 0.5,
}


def an_epoch(trial="s/0", epoch=1, attempt=1, **fields):
    """An epoch of an attempt at the trial of this id; `fields` as wanted."""
    return Epoch(trial=trial, attempt=attempt, epoch=epoch, **{**KNOWN, **fields})
