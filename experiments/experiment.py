"""The interface of an experiment: options, a check of them, and a report.

An experiment is a frozen dataclass whose fields are its options. It neither prints nor starts
processes: the caller hands it a `Place` in which to train, and writes the report that it returns.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from alignsearch.experiments.options import Scale

if TYPE_CHECKING:
    from alignsearch.experiments.place import Place
    from alignsearch.experiments.report import Report


@dataclass(frozen=True)
class Reproduction:
    """How `reproduce` runs an experiment.

    Attributes:
        options: options of the experiment's command.
        first: an `alignsearch` command that must succeed before; empty for none.
    """

    options: tuple[str, ...] = ()
    first: tuple[str, ...] = ()

    @classmethod
    def at_scale(cls, scale: Scale, data_dir: str | None) -> "Reproduction":
        """The command at a scale, with its images in `data_dir`; None for their usual place."""
        data = () if data_dir is None else ("--data-dir", data_dir)
        return cls(("--scale", scale, *data))


class Experiment(Protocol):
    """One experiment of Kunin et al. 2020 with its options set."""

    def check(self) -> None:
        """Refuse options that can't be run, before anything is computed or written.

        Raises:
            AlignSearchError: an option is unknown, out of range or at odds with another, or the
                data set isn't on this machine.
        """
        ...

    def report(self, place: "Place") -> "Report":
        """Compute the experiment and return its figures, tables and numbers.

        An experiment that trains continues what an earlier call has stored in the same place.

        Raises:
            AlignSearchError: data, store or workers turn out to be unusable.
        """
        ...

    @property
    def imports_tensorflow(self) -> bool:
        """True if `report` imports TensorFlow into this process."""
        return False

    @property
    def checks_with_tensorflow(self) -> bool:
        """True if `check` imports TensorFlow into this process."""
        return False

    @property
    def subject(self) -> str:
        """The search that the experiment is about, as a part of the default folder's name."""
        return ""

    @classmethod
    def reproduction(cls, scale: Scale, folder: Path, data_dir: str | None) -> Reproduction:
        """How `reproduce` runs this experiment at a scale.

        scale: an experiment without a `scale` of its own is the same at each. folder: where the
        experiment's output goes. data_dir: folder of the images, as the workers see it.
        """
        return Reproduction()
