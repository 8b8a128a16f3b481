"""Experiments that train networks: the options that they share, and the setting made from them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.experiment import Experiment, Reproduction
from alignsearch.experiments.options import Option, Scale
from alignsearch.experiments.setting import Setting, split_names, split_seeds
from alignsearch.search.documents.recipe import OnCorrupt


@dataclass(frozen=True, kw_only=True)
class TrainingExperiment(Experiment):
    """An experiment whose results come from trainings of its own.

    Each field is an option of its command; None stands for the scale's own value.
    """

    SCALES: ClassVar[Mapping[Scale, Setting]]
    """The setting of each scale; `paper` is the paper's own."""

    LEAST_SEEDS: ClassVar[int] = 1
    """Fewest seeds; 2 where the report shows standard errors over them."""

    scale: Annotated[
        Scale, Option("How much is trained: the paper's own setting, or a smaller one.")
    ] = "minutes"
    dataset: Annotated[str | None, Option("Data set: a name that `alignsearch data` lists.")] = None
    data_dir: Annotated[
        str | None, Option("Folder of the data set's files, as the workers see it.")
    ] = None
    models: Annotated[
        str | None,
        Option("Networks, with commas: resnet18,resnet50v2,…", names=("--models", "--model")),
    ] = None
    rules: Annotated[
        str | None,
        Option(
            "Learning rules, with commas: bp,sa,aa,… (`transfer`, `kolen-pollack`: also searches)."
        ),
    ] = None
    width: Annotated[int | None, Option("Channels of the first stage, or units.", least=1)] = None
    epochs: Annotated[
        int | None,
        Option("Epochs a run; its learning-rate schedule is compressed to them.", least=1),
    ] = None
    seeds: Annotated[
        str | None, Option("Number of random seeds, from 0 on; or the seeds, with commas: 3,5,8.")
    ] = None
    weights_order: Annotated[
        str | None,
        Option("Which primitives Table 5's alpha, beta, gamma weigh: paper or reference."),
    ] = None
    image_size: int | None = None
    on_corrupt: OnCorrupt = "refuse"
    precision: str = "float32"
    strategy: str = "auto"

    def setting(self) -> Setting:
        """The scale's setting with the given options in place of its own.

        Raises:
            ConfigurationError: an option can't be read, or there are too few seeds.
        """
        given: dict[str, Any] = {
            "dataset": self.dataset,
            "data_dir": self.data_dir,
            "width": self.width,
            "epochs": self.epochs,
            "weights_order": self.weights_order,
            "image_size": self.image_size,
            "models": None if self.models is None else split_names("--models", self.models),
            "rules": None if self.rules is None else split_names("--rules", self.rules),
            "seeds": None if self.seeds is None else split_seeds(self.seeds),
        }
        setting = replace(
            self.SCALES[self.scale],
            scale=self.scale,
            on_corrupt=self.on_corrupt,
            precision=self.precision,
            strategy=self.strategy,
            **{key: each for key, each in given.items() if each is not None},
        )
        if len(setting.seeds) < self.LEAST_SEEDS:
            raise ConfigurationError(
                f"a standard error needs at least {self.LEAST_SEEDS} seeds, not "
                f"{len(setting.seeds)}: raise --seeds"
            )
        return setting

    def check(self) -> None:
        """Refuse options that can't be trained with, as `Experiment.check`."""
        self.setting().check()

    @property
    def checks_with_tensorflow(self) -> bool:
        """True if `check` imports TensorFlow, which reads files of photographs."""
        from alignment_core import data

        dataset = self.dataset or self.SCALES[self.scale].dataset
        return self.data_dir is not None and data.info(dataset).streamed

    @classmethod
    def reproduction(cls, scale: Scale, folder: Path, data_dir: str | None) -> Reproduction:
        """The experiment's command at the scale, with its images in `data_dir`."""
        return Reproduction.at_scale(scale, data_dir)
