"""The recipe of a search: the data and the training that all of its trials share.

A field of `RecipeChoices` is everywhere as soon as it is declared here: an option of
`alignsearch submit`, a property of the HTTP API, an input of the form, and a field of the stored
recipe. Workers pass it on to `alignment_core`'s `TrainingConfig` under the same name, unless it
is one of `_NOT_OF_TRAINING`.

A search's name may contain a hash of its recipe (`experiments.runs`). A field that older versions
lack is therefore left out of what is stored while it has its default (`exclude_if`): a search of
before the field keeps its name, and an older version reads the recipe.
"""

from collections.abc import Collection
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from alignment_core.accelerator_names import PRECISIONS, STRATEGIES
from alignment_core.model_names import MODEL_NAMES
from alignsearch.search.documents.base import Document
from alignsearch.search.documents.choices import OneOf
from alignsearch.search.documents.definition import StoredSource
from alignsearch.search.documents.limits import LARGEST, LONGEST_TEXT
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.spaces.trained import own_name
from alignsearch.spaces.training import WEIGHTS_ORDERS

REHEARSAL = "rehearsal"
"""The data set of searches that train nothing."""

OnCorrupt = Literal["refuse", "skip"]


def _data_sets() -> Collection[str]:
    # Imports NumPy, which most commands do without.
    from alignment_core.data import DATA_SETS

    return (*DATA_SETS, REHEARSAL)


class RecipeChoices(Document):
    """The fields of a recipe that a person chooses, with the defaults of a new search.

    Each field's description is its help text on the command line, in the API and in the form.
    """

    dataset: Annotated[str, OneOf("data set", _data_sets, listed=False, addressed=True)] = Field(
        default="digits",
        max_length=LONGEST_TEXT,
        description="Data set to train on: a name that `alignsearch data` lists, one of your own "
        "as FILE.py:FUNCTION, or rehearsal, which trains nothing.",
    )
    model: Annotated[str, OneOf("model", lambda: MODEL_NAMES, listed=False, addressed=True)] = (
        Field(
            default="resnet18",
            max_length=LONGEST_TEXT,
            description="Network to train, a name that `alignsearch train --help` lists, or one of "
            "your own as FILE.py:FUNCTION.",
        )
    )
    data_dir: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Folder or gs:// address of the data set's files, as the workers see it.",
    )
    epochs: int = Field(
        default=45,
        ge=1,
        le=LARGEST,
        description="Epochs of each trial. The learning rates' schedule is scaled to them.",
    )
    schedule_epochs: float | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Epochs of the paper's schedule that each trial runs through, compressed or "
        "stretched to its epochs. Default: 45, as the paper's searches; the same number as the "
        "epochs is neither.",
    )
    width: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Channels of the network's first stage. Default: a residual network's usual "
        "width for the data set (the paper's is 64), or the network's own.",
    )
    weights_order: Annotated[str, OneOf("weights order", lambda: tuple(WEIGHTS_ORDERS))] = Field(
        default="paper",
        description="Order of the weights alpha, beta and gamma, that is, which primitive each of "
        "them weighs: as in the paper, or as in its reference code.",
    )
    image_size: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Side of ImageNet's images in pixels. Default: 224, or 299 for v2 networks.",
    )
    on_corrupt: Annotated[
        OnCorrupt, OneOf("way with corrupt records", lambda: get_args(OnCorrupt))
    ] = Field(
        default="refuse",
        description="Reaction to a corrupt record: stop with an error (refuse), or leave the "
        "record out (skip).",
    )
    precision: Annotated[str, OneOf("precision", lambda: PRECISIONS)] = Field(
        default="float32", description="Precision of matrix products and convolutions."
    )
    strategy: Annotated[str, OneOf("strategy", lambda: STRATEGIES)] = Field(
        default="auto",
        description="Devices of one trial: one, mirrored (all GPUs of the host) or tpu (all of "
        "its chips). auto takes the most that the trial may use.",
    )
    update_noise_variance: float = Field(
        default=0.0,
        ge=0,
        le=LARGEST,
        exclude_if=lambda variance: variance == 0,
        description="Variance of the Gaussian noise in the updates of J's optimizer and of R's, in "
        "units of the learning rate squared (Kunin et al. 2020, App. B.3).",
    )
    robustness: bool = Field(
        default=False,
        exclude_if=lambda measured: not measured,
        description="Measure, after each trial's last epoch, the validation error with noise in "
        "the weights or the images, and with images that an attack (FGSM) has moved.",
    )


class WeightSampling(Document):
    """Which weights are stored beside an epoch: of these layers, after these epochs.

    Attributes:
        layers: names of layers.
        epochs: numbers of epochs, from 1.
        pairs: pairs of a forward weight and the backward weight in its place, drawn at random
            once a trial from each layer.
    """

    layers: tuple[str, ...] = Field(min_length=1)
    epochs: tuple[int, ...] = Field(min_length=1)
    pairs: int = Field(default=2000, gt=0, le=2000)


class Recipe(RecipeChoices):
    """The data and the training of every trial of a search, complete, as the store keeps it.

    In a search that is a list of runs, each run has its own model, width and number of epochs
    (`spaces.runs.Run`); the recipe has the largest of them.

    Attributes:
        epochs: 0 for a rehearsal that ends at once.
        stem: the network's first layers, "small", "imagenet" or "none" (`alignment_core.models`).
        epoch_seconds: how long an epoch of a rehearsal takes; a training ignores it.
        schedule_epochs: epochs of the paper's schedule, which is compressed to `epochs`.
        batch_divisor: a batch holds the searched number of images divided by this.
        metric: name of the objective (`search.documents.objective_metric.METRICS`).
        weight_samples: the weights to store beside epochs; None stores none.
        sources: where a data set or a network of the user's own comes from, by its address.
    """

    # A stored recipe says these three itself: a default of today must not fill a gap in it.
    dataset: str
    epochs: int = Field(ge=0)
    width: int = Field(gt=0)
    data_dir: str | None = None
    image_size: int | None = Field(default=None, gt=0)
    stem: str
    epoch_seconds: float = Field(default=0.1, ge=0)
    schedule_epochs: float = Field(default=45.0, gt=0)
    batch_divisor: int = Field(default=1, gt=0)
    metric: str = DEFAULT_METRIC.name
    weight_samples: WeightSampling | None = None
    sources: tuple[StoredSource, ...] = ()

    def source_of(self, address: str) -> StoredSource | None:
        """Return the source of the data set or network at an address; None for a shipped one."""
        return next((each for each in self.sources if each.address == address), None)

    def training_settings(self) -> dict[str, Any]:
        """Return the fields that decide what a training does, by name.

        A data set or a network of the user's own has the name that it gets in `alignment_core`'s
        tables (`spaces.trained`).
        They are arguments of `Run.training_config`, and `spaces.trained.training_of` reads them.
        """
        return {
            name: self._named(getattr(self, name)) if name in _NAMED else getattr(self, name)
            for name in type(self).model_fields
            if name not in _NOT_OF_TRAINING
        }

    def _named(self, name: str) -> str:
        """Return the name that `alignment_core` knows a data set or a network by."""
        source = self.source_of(name)
        return name if source is None else own_name(name, source.sha256)


_NOT_OF_TRAINING = frozenset(
    {"epoch_seconds", "metric", "robustness", "sources", "strategy", "weight_samples"}
)
"""Fields that the worker reads itself: what they decide is outside of one training."""

_NAMED = frozenset({"dataset", "model"})
"""Fields that may be the address of the user's own."""
