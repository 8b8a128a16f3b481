"""The experiment `scalar-network`: the two-layer scalar network (Kunin et al. 2020, App. D.2)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from alignment_core.errors import ConfigurationError
from alignsearch.experiments.experiment import Experiment
from alignsearch.experiments.options import Option
from alignsearch.experiments.place import Place
from alignsearch.experiments.setting import split_numbers

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report


@dataclass(frozen=True, kw_only=True)
class ScalarNetwork(Experiment):
    """Fixed points, their eigenvalues and basins under BP, FA and SA."""

    b: Annotated[
        str, Option("The two backward weights at which the portraits begin, with a comma.")
    ] = "1,-1"
    grid: Annotated[
        int, Option("Starting points along each side of a basin's portrait.", least=2)
    ] = 121

    def check(self) -> None:
        """Refuse backward weights that aren't two numbers."""
        if len(split_numbers("--b", self.b)) != 2:
            raise ConfigurationError(f"--b takes two numbers with a comma between, not {self.b!r}")

    @property
    def imports_tensorflow(self) -> bool:
        """True: flows and eigenvalues are compared with those of real layers."""
        return True

    def report(self, place: Place) -> "Report":
        """Draw the flows, and check the appendix's fixed points against real layers."""
        from alignsearch.experiments.figures.scalar_network import make_report

        one, other = split_numbers("--b", self.b)
        return make_report((one, other), self.grid)
