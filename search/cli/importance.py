"""What `alignsearch experiment importance` reads of a search."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from alignment_core.errors import ConfigurationError
from search.documents import Search
from search.states import TrialState
from search.store import Store
from spaces.catalog import RUNS, get_space
from spaces.space import SearchSpace, Value

PAPER = (
    "The paper's: hundreds of models of the search over Information Alignment (App. B.1.4), "
    "ResNet-18 of width 64 on ImageNet, 45 epochs."
)


@dataclass(frozen=True)
class Tried:
    """What a search has tried: each trial's whole configuration, and its loss if it has one."""

    search: Search
    space: SearchSpace
    configurations: list[Mapping[str, Value]]
    losses: list[float | None]
    left_out: Mapping[str, int]

    def setting(self) -> list[str]:
        """How this differs from the paper's own, and what is left out."""
        search, recipe = self.search, self.search.recipe
        scored = sum(loss is not None for loss in self.losses)
        without = ", ".join(f"{number} {what}" for what, number in self.left_out.items())
        return [
            f"{PAPER} Here: search {search.name!r} over {search.space}, {recipe.model} of width "
            f"{recipe.width} on {recipe.dataset}, {recipe.epochs} epochs, seed {search.seed}; "
            f"{scored} of its {search.trials} trials have a loss, and count"
            + (f"; without one, and left out: {without}." if without else "."),
        ]


def read(store: Store, name: str) -> Tried:
    """The search's trials as they are now.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: it was made over another version of its space, or over none.
    """
    search = store.get_search(name)
    if search.space == RUNS.name:
        raise ConfigurationError(
            f"search {name!r} is an experiment's list of runs, whose metaparameters were chosen, "
            "not sampled: name a search that `alignsearch submit` made"
        )
    space = get_space(search.space)
    if space.space_hash != search.space_hash:
        raise ConfigurationError(
            f"search {name!r} was made over another version of the space {search.space}, whose "
            "ranges aren't known here: use the version of alignsearch that made it"
        )
    found = store.trials(name)
    completed = [trial.state is TrialState.COMPLETED for trial in found]
    losses = [
        trial.loss if counts else None for trial, counts in zip(found, completed, strict=True)
    ]
    left_out = Counter(
        "diverged" if counts else trial.state.value
        for trial, counts, loss in zip(found, completed, losses, strict=True)
        if loss is None
    )
    return Tried(search, space, [trial.config for trial in found], losses, left_out)
