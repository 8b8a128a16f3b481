"""The table of all experiments: the command line, `reproduce` and the tests derive from it."""

import importlib
from dataclasses import dataclass
from typing import Literal

from alignment_core.errors import UnknownNameError
from alignsearch.experiments.experiment import Experiment

Needs = Literal["nothing", "search", "searches", "training"]
"""Use that an experiment makes of its place: none; a search over a space, which may be named;
searches of its own; trainings of its own."""


@dataclass(frozen=True)
class Entry:
    """One experiment of the table.

    Attributes:
        name: name of its command and of its output folder.
        source: tables, figures and sections that it reproduces, of Kunin et al. 2020 if no other
            source is named.
        shows: what its report shows, in one line.
        kind: class that implements `Experiment`, in the module of `alignsearch.experiments` of the
            same name, with underscores.
        needs: what it takes from its place.
    """

    name: str
    source: str
    shows: str
    kind: str
    needs: Needs = "nothing"

    def load(self) -> type[Experiment]:
        """Import the experiment's class."""
        name = self.name.replace("-", "_")
        module = importlib.import_module(f"alignsearch.experiments.{name}")
        found: type[Experiment] = getattr(module, self.kind)
        return found


EXPERIMENTS: tuple[Entry, ...] = (
    Entry(
        name="stability",
        source="App. D.1",
        shows="symmetrized flows of SA, AA, WM: eigenvalues, phase portraits, WM's instability",
        kind="Stability",
    ),
    Entry(
        name="scalar-network",
        source="App. D.2",
        shows="the two-layer scalar network: fixed points, eigenvalues, basins under BP, FA, SA",
        kind="ScalarNetwork",
    ),
    Entry(
        name="transfer",
        source="Table 3, Table 4, Fig. 3",
        shows="metaparameters fixed on ResNet-18, on other networks: accuracy and gap to BP",
        kind="Transfer",
        needs="training",
    ),
    Entry(
        name="noise",
        source="App. B.3, Fig. 5a, Fig. S1",
        shows="BP, SA, AA, KP under Gaussian noise in every update: accuracy by its variance",
        kind="Noise",
        needs="training",
    ),
    Entry(
        name="importance",
        source="App. B.4, Fig. S2",
        shows="importance of a search's metaparameters: of the categorical ones, then of all",
        kind="ImportanceOfSearch",
        needs="search",
    ),
    Entry(
        name="symmetry",
        source="App. C, Fig. S3",
        shows="forward against backward weights of one layer during training, rule by rule",
        kind="Symmetry",
        needs="training",
    ),
    Entry(
        name="weight-metrics",
        source="App. C, Fig. S4",
        shows="angle and norm ratio of forward and backward weights of each layer during training",
        kind="WeightMetrics",
        needs="training",
    ),
    Entry(
        name="kolen-pollack",
        source="App. D.3, Fig. S5",
        shows="Kolen-Pollack across networks, beside BP, SA, AA, IA",
        kind="KolenPollack",
        needs="training",
    ),
    Entry(
        name="neural-fit",
        source="App. B.5",
        shows="a network's layers fitted to neural recordings by PLS regression, noise-corrected",
        kind="NeuralFit",
    ),
    Entry(
        name="biotorch",
        source="BioTorch's table",
        shows="LeNet on Fashion-MNIST under BP, FA, uSF, brSF, frSF, DFA, beside BioTorch's errors",
        kind="BioTorchTable",
        needs="training",
    ),
    Entry(
        name="rules",
        source="BioTorch, Li and Benna 2024",
        shows="13 learning rules searched alike: error, chance of being best, robustness, cost",
        kind="Rules",
        needs="searches",
    ),
)
"""In the order of `reproduce`'s report: the closed forms, which take seconds, come first."""


def get_experiment(name: str) -> Entry:
    """The experiment of this name.

    Raises:
        UnknownNameError: there is none.
    """
    for entry in EXPERIMENTS:
        if entry.name == name:
            return entry
    raise UnknownNameError("experiment", name, (entry.name for entry in EXPERIMENTS))
