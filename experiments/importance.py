"""The experiment `importance`: which metaparameters matter (App. B.4, Fig. S2), from a search."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.drive import EXIT_INTERRUPTED, cluster, drive_to_end, interruptible, reviver
from alignsearch.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    open_store,
    print_text,
    start_logs,
    store_uri,
)
from alignsearch.cli.submit import submit
from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.training_options import Scale
from alignsearch.search.documents import Search
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS, get_space
from alignsearch.spaces.space import SearchSpace, Value

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

PAPER = (
    "The paper's: hundreds of models of the search over Information Alignment (App. B.1.4), "
    "ResNet-18 of width 64 on ImageNet, 45 epochs."
)
SPACE = "ia"
"""Fig. S2 is about the search over Information Alignment, whose space has all of A to I but B."""


@dataclass(frozen=True)
class _Size:
    """How large a search is made where none is named."""

    trials: int
    epochs: int
    width: int
    dataset: str = "digits"


SIZES: dict[Scale, _Size] = {
    "minutes": _Size(trials=24, epochs=4, width=8),
    "hours": _Size(trials=200, epochs=15, width=16),
    "paper": _Size(trials=300, epochs=45, width=64, dataset="imagenet"),
}


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
    search = store.searches.get(name)
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
    found = store.trials.all(name)
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


def command(
    name: Annotated[
        str | None, typer.Argument(help="Search to look at; without it one is made and driven.")
    ] = None,
    out: OutOption = None,
    scale: Annotated[
        Scale, typer.Option(help="How much is searched where no search is named.")
    ] = "minutes",
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the images, as the workers see it.")
    ] = None,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Which metaparameters matter, from a search's trials (App. B.4, Fig. S2)."""
    start_logs(log_format, log_level)
    folder = out or Path("experiments") / (f"importance-{name}" if name else "importance")
    if name is not None:
        with open_store(store) as opened:
            tried = read(opened, name)
        seeds = [tried.search.seed]
        perform("importance", folder, seeds, lambda: report(tried), tensorflow=False)
        return

    def searched() -> "Report":
        return report(_search(scale, data_dir, store, ray))

    perform("importance", folder, [0], searched, tensorflow=False, trains=True)


def report(tried: Tried) -> "Report":
    """Both views of importance.

    Raises:
        StateConflictError: too few trials have a loss.
    """
    from alignsearch.experiments.figures.importance import report as draw
    from alignsearch.search.reports.importance import categorical_effects, importance

    seed = tried.search.seed
    effects = categorical_effects(tried.configurations, tried.losses)
    found = importance(tried.space, tried.configurations, tried.losses, seed=seed)
    return draw(effects, found, tried.setting())


def _search(scale: Scale, data_dir: str | None, store: str | None, ray: str | None) -> Tried:
    """A search of the scale's size, brought to its end; one that is there is gone on with."""
    size = SIZES[scale]
    name = f"importance-{scale}"
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        try:
            search = opened.searches.get(name)
        except UnknownNameError:
            submit(
                SPACE,
                name=name,
                trials=size.trials,
                epochs=size.epochs,
                width=size.width,
                dataset=size.dataset,
                data_dir=data_dir,
                store=store,
                ray=ray,
            )
            search = opened.searches.get(name)
        if search.status not in TERMINAL_SEARCH_STATUSES:
            from alignsearch.search.driver.driver import Outcome

            print_text(f"search {name}: {search.trials} trials, {search.parallel} at once")
            with cluster(ray), interruptible() as interrupt:
                ended = drive_to_end(opened, uri, name, interrupt, console, reviver(store))
            if ended is Outcome.INTERRUPTED:
                raise typer.Exit(EXIT_INTERRUPTED)
        return read(opened, name)
