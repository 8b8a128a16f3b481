"""Where `alignsearch experiment neural-fit` takes responses and features from."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment_core.errors import ConfigurationError, DataError, UnknownNameError

if TYPE_CHECKING:
    from alignment_core.analysis.recordings import Recordings

PAPER = "The paper's: 5,120 images, 64 categories, 256 sites, about 50 repetitions, 25 components."

IMAGES = 5120
"""At most, as many as the paper's."""

SITES, REPETITIONS, EXPLAINED, NOISE = 64, 20, 0.8, 4.0
"""Of simulated recordings: the layer explains 0.8 of the variance of a site's noiseless response;
noise of variance 4 a trial leaves the average over trials a reliability of 1 / (1 + 4 / 20)."""


@dataclass(frozen=True)
class Sources:
    """What was asked for; each pair of alternatives has one that is given.

    Raises ConfigurationError otherwise.
    """

    recordings: Path | None
    simulate: str | None
    features: Path | None
    checkpoint: Path | None
    images: Path | None
    layers: list[str] | None
    seed: int

    def __post_init__(self) -> None:
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

    def setting(self) -> list[str]:
        """How this differs from the paper's own."""
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

    def read(self) -> tuple["Recordings", dict[str, Any]]:
        """The responses, and each layer's features of the same images.

        Raises DataError for files that can't be read, UnknownNameError for a layer that
        doesn't exist, and ConfigurationError for images of another shape.
        """
        from alignment_core.analysis import recordings

        if self.checkpoint is None:
            assert self.recordings is not None
            return recordings.read(self.recordings), self._features_file()
        from alignment_core.analysis.trained import layer_features, load

        assert self.layers is not None
        model, config = load(self.checkpoint)
        if self.simulate is None:
            assert self.recordings is not None
            assert self.images is not None
            found = layer_features(model, self.layers, self._images(self.images))
            return recordings.read(self.recordings), found
        return self._simulated(model, config)

    def _simulated(self, model: Any, config: dict[str, Any]) -> tuple["Recordings", dict[str, Any]]:
        import numpy as np

        from alignment_core import data
        from alignment_core.analysis.recordings import read
        from alignment_core.analysis.simulated_recordings import read_out, simulate
        from alignment_core.analysis.trained import layer_features

        assert self.layers is not None
        assert self.simulate is not None
        loaded = data.load(config["dataset"], config["data_dir"])
        images, labels = loaded.sample("validation", min(IMAGES, loaded.validation_size))
        names = list(dict.fromkeys([*self.layers, self.simulate]))
        found = layer_features(model, names, np.asarray(images))
        signal = read_out(found[self.simulate], SITES, EXPLAINED, self.seed)
        variables = simulate(
            signal, np.asarray(labels), repetitions=REPETITIONS, noise=NOISE, seed=self.seed
        )
        with tempfile.TemporaryDirectory() as folder:
            # The same way as of real recordings.
            path = Path(folder) / "simulated.npz"
            np.savez(path, **variables)
            recorded = read(path)
        return recorded, {name: found[name] for name in self.layers}

    def _features_file(self) -> dict[str, Any]:
        assert self.features is not None
        arrays = _arrays(self.features)
        for layer in self.layers or []:
            if layer not in arrays:
                raise UnknownNameError(f"layer of {self.features}", layer, arrays)
        return {layer: arrays[layer] for layer in self.layers or arrays}

    @staticmethod
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
