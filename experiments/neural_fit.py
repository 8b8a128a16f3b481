"""The experiment `neural-fit`: layers fitted to neural responses (Kunin et al. 2020, App. B.5)."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alignment_core.errors import ConfigurationError, DataError, UnknownNameError
from alignsearch.experiments.experiment import Experiment, Reproduction
from alignsearch.experiments.options import Option, Scale
from alignsearch.experiments.place import Place

if TYPE_CHECKING:
    from alignment_core.analysis.recordings import Recordings
    from alignsearch.experiments.report import Report

PAPER = "The paper's: 5,120 images, 64 categories, 256 sites, about 50 repetitions, 25 components."

IMAGES = 5120
"""Most images of a simulation: as many as the paper's."""

SITES, REPETITIONS, EXPLAINED, NOISE = 64, 20, 0.8, 4.0
"""Simulated recordings: the layer explains 0.8 of the variance of a site's noiseless response;
noise of variance 4 a trial leaves the average over 20 trials a reliability of 1 / (1 + 4 / 20)."""

NETWORK = "network"
"""Folder, inside the experiment's own, of the network that `reproduce` trains for it."""

BLOCKS = tuple(f"stage{stage}_block2_relu" for stage in (1, 2, 3, 4))
FIRST: dict[Scale, str] = {"minutes": "stem_relu", "hours": "stem_relu", "paper": "stem_pool"}
"""First of the layers that `reproduce` fits. On ImageNet it is the pooling: before it, the stem's
features of all images take 16 GB."""

READ_OUT = "stage3_block2_relu"
"""Layer whose read-outs stand in for responses of IT in `reproduce`: neither the first layer nor
the last."""

NETWORKS: dict[Scale, tuple[str, ...]] = {
    "minutes": ("--dataset", "digits", "--width", "8", "--epochs", "8"),
    "hours": ("--dataset", "digits", "--width", "16", "--epochs", "45"),
    "paper": ("--dataset", "imagenet"),
}
"""Options of `alignsearch train` for the network of each scale."""


@dataclass(frozen=True, kw_only=True)
class NeuralFit(Experiment):
    """Features of a network's layers fitted to neural responses to the same images."""

    recordings: Annotated[
        Path | None,
        Option("Responses: netCDF or .npz (format: alignment_core/analysis/recordings.py)."),
    ] = None
    simulate: Annotated[
        str | None,
        Option(
            "Instead of recordings: noisy read-outs of this layer for the data set's validation "
            "images.",
            metavar="LAYER",
        ),
    ] = None
    features: Annotated[
        Path | None, Option("Features: a .npz with an array (images, ...) for each layer.")
    ] = None
    checkpoint: Annotated[
        Path | None,
        Option("Instead of features: the output folder of `alignsearch train`."),
    ] = None
    images: Annotated[
        Path | None,
        Option("Stimuli: a .npz with `images` as the network takes them, one for each stimulus."),
    ] = None
    layers: Annotated[
        str | None, Option("Layers to fit, with commas. Default: all of --features.")
    ] = None
    components: Annotated[
        int, Option("Components of the PLS regression; the paper has 25.", least=1)
    ] = 25
    splits: Annotated[
        int, Option("Random splits of the images into 75% to fit and 25% to test.", least=1)
    ] = 10
    seed: Annotated[int, Option("Random seed of splits, and of simulated responses.", least=0)] = 0

    def check(self) -> None:
        """Refuse alternatives of which both or none are given, and options without their pair."""
        if (self.recordings is None) == (self.simulate is None):
            raise ConfigurationError("give either --recordings or --simulate LAYER")
        if (self.features is None) == (self.checkpoint is None):
            raise ConfigurationError("give either --features or --checkpoint")
        if self.checkpoint is not None and self.layers is None:
            raise ConfigurationError("--checkpoint needs --layers: the names to fit, with commas")
        if self.simulate is not None and self.checkpoint is None:
            raise ConfigurationError("--simulate reads out a network: give it with --checkpoint")
        if (self.checkpoint is not None and self.recordings is not None) != bool(self.images):
            raise ConfigurationError(
                "--images goes with --checkpoint and --recordings, which need it: the stimuli as "
                "the network takes them"
            )

    @property
    def imports_tensorflow(self) -> bool:
        """True if features are computed by a network."""
        return self.checkpoint is not None

    def report(self, place: Place) -> "Report":
        """Fit every layer.

        Raises:
            DataError: a file can't be read.
            UnknownNameError: a layer doesn't exist.
            ConfigurationError: images have another shape than the network's, or are too few.
        """
        from alignment_core.analysis.neural_fit import fit
        from alignsearch.experiments.figures.neural_fit import make_report

        recorded, found = self._read()
        fits = fit(found, recorded, components=self.components, splits=self.splits, seed=self.seed)
        return make_report(fits, recorded, self.components, self._setting(), seeds=(self.seed,))

    @classmethod
    def reproduction(cls, scale: Scale, folder: Path, data_dir: str | None) -> Reproduction:
        """A fit to simulated responses, after the training of a network by backpropagation."""
        data = () if data_dir is None else ("--data-dir", data_dir)
        network = str(folder / NETWORK)
        train = ("train", "--rule", "bp", "--model", "resnet18", *NETWORKS[scale], *data)
        layers = ",".join((FIRST[scale], *BLOCKS))
        return Reproduction(
            ("--checkpoint", network, "--simulate", READ_OUT, "--layers", layers),
            first=(*train, "--out", network),
        )

    def _setting(self) -> list[str]:
        if self.simulate is None:
            return [PAPER]
        return [
            f"{PAPER} Here the responses are simulated, so that the truth is known: each site is a "
            f"random linear read-out of layer {self.simulate}'s leading 10 principal components "
            f"and of numbers of its own, {EXPLAINED:g} to {1 - EXPLAINED:.1g} in variance, so the "
            f"best prediction from that layer correlates by √{EXPLAINED:g} = "
            f"{EXPLAINED**0.5:.3f}; the reliability of the average over {REPETITIONS} trials is "
            f"{1 / (1 + NOISE / REPETITIONS):.3f}.",
        ]

    def _read(self) -> tuple["Recordings", dict[str, Any]]:
        """The responses, and each layer's features (images, ...) of the same images."""
        from alignment_core.analysis import recordings

        if self.checkpoint is None:
            assert self.recordings is not None
            return recordings.read(self.recordings), self._features()
        from alignment_core.analysis.trained import layer_features, load

        model, config = load(self.checkpoint)
        if self.simulate is None:
            assert self.recordings is not None
            assert self.images is not None
            found = layer_features(model, self._layers(), _images(self.images))
            return recordings.read(self.recordings), found
        return self._simulated(model, config, self.simulate)

    def _layers(self) -> list[str]:
        return [] if self.layers is None else self.layers.split(",")

    def _simulated(
        self, model: Any, config: dict[str, Any], read_from: str
    ) -> tuple["Recordings", dict[str, Any]]:
        import numpy as np

        from alignment_core import data
        from alignment_core.analysis.recordings import read
        from alignment_core.analysis.simulated_recordings import read_out, simulate
        from alignment_core.analysis.trained import layer_features

        loaded = data.load(config["dataset"], config["data_dir"])
        images, labels = loaded.sample("validation", min(IMAGES, loaded.validation_size))
        names = list(dict.fromkeys([*self._layers(), read_from]))
        found = layer_features(model, names, np.asarray(images))
        signal = read_out(found[read_from], SITES, EXPLAINED, self.seed)
        variables = simulate(
            signal, np.asarray(labels), repetitions=REPETITIONS, noise=NOISE, seed=self.seed
        )
        with tempfile.TemporaryDirectory() as folder:
            # Written and read, so that simulated responses take the way of real ones.
            path = Path(folder) / "simulated.npz"
            np.savez(path, **variables)
            recorded = read(path)
        return recorded, {name: found[name] for name in self._layers()}

    def _features(self) -> dict[str, Any]:
        assert self.features is not None
        arrays = _arrays(self.features)
        for layer in self._layers():
            if layer not in arrays:
                raise UnknownNameError(f"layer of {self.features}", layer, arrays)
        return {layer: arrays[layer] for layer in self._layers() or arrays}


def _images(path: Path) -> Any:
    arrays = _arrays(path)
    if "images" not in arrays:
        raise DataError(f"{path} has no array named images, but {', '.join(sorted(arrays))}")
    return arrays["images"]


def _arrays(path: Path) -> dict[str, Any]:
    import numpy as np

    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} can't be read as a .npz ({error})") from error
