"""`alignsearch train --from`: a trial of a search, trained for longer under several seeds."""

import re
from pathlib import Path

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import console, notice, print_text
from alignsearch.cli.waiting import drive
from alignsearch.driving import EXIT_INTERRUPTED
from alignsearch.names import whoami
from alignsearch.search.documents import Search
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases.next_steps import EPOCHS, SEEDS
from alignsearch.wiring import open_store, reviver, store_uri

_OF_FROM = frozenset({"from_", "epochs", "seeds", "out", "store", "ray"})
"""Parameters of the command that go with --from; a recipe decides all others."""


def train_from(
    context: typer.Context,
    what: str,
    epochs: int | None,
    seeds: str | None,
    out: Path | None,
    store: str | None,
    ray: str | None,
) -> None:
    """Train a trial of a search for longer, and write its results into a folder.

    what: NAME or NAME:TID.

    Raises:
        ConfigurationError: an option has no use, or the search trains nothing.
        UnknownNameError: there is no such search or trial.
        StateConflictError: no trial of the search has finished with a loss.
    """
    for option in sorted(_given(context) - _OF_FROM):
        raise ConfigurationError(
            f"--{option.replace('_', '-')} has no use with --from: all but epochs and seeds are "
            "the search's own"
        )
    name, tid = _name_and_tid(what)
    # They import NumPy, which most commands do without.
    from alignsearch.experiments.run_experiment import check_folder
    from alignsearch.experiments.setting import split_seeds
    from alignsearch.longer_results import RUNS_FOLDER, folder_of, write_results
    from alignsearch.search.use_cases.longer_training import longer_training

    check_folder(out or RUNS_FOLDER)
    with open_store(store) as opened:
        made = longer_training(
            opened,
            name,
            tid,
            epochs=EPOCHS if epochs is None else epochs,
            seeds=tuple(range(SEEDS)) if seeds is None else split_seeds(seeds),
            who=whoami(),
            folder=lambda new: None if store else str(folder_of(new, out).absolute()),
        )
        print_text(f"search {made.name}: {made.note}, under {made.trials} seeds")
        if made.status not in TERMINAL_SEARCH_STATUSES:
            _drive(opened, made, store, ray)
        made = opened.searches.get(made.name)
        folder = folder_of(made.name, out)
        print_text(write_results(opened, made, folder))
    print_text(f"in {folder}, and as the search {made.name}")
    if made.status is not SearchStatus.COMPLETED:
        raise typer.Exit(1)


def check_options_without_from(context: typer.Context, rule: str | None) -> None:
    """Refuse options that only --from has a use for, and a training without a rule.

    Raises:
        ConfigurationError: there is one, or there is no rule.
    """
    if rule is None:
        raise ConfigurationError("--rule is missing: name a learning rule, or a search with --from")
    for option in sorted(_given(context) & (_OF_FROM - {"epochs", "out"})):
        raise ConfigurationError(f"--{option} has no use without --from")


def _given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that stand on the command line."""
    sources = {each: context.get_parameter_source(each) for each in context.params}
    return {name for name, each in sources.items() if each and each.name == "COMMANDLINE"}


def _name_and_tid(what: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"([^:]+)(?::([0-9]{1,10}))?", what)
    if found is None or int(found[2] or 0) > LARGEST:
        raise ConfigurationError(f"--from takes NAME or NAME:TID, not {what!r}")
    return found[1], None if found[2] is None else int(found[2])


def _drive(opened: Store, search: Search, store: str | None, ray: str | None) -> None:
    from alignsearch.search.driver.driver import Outcome

    ended = drive(opened, store_uri(store), search.name, ray, reviver(store), console)
    if ended is Outcome.INTERRUPTED:
        notice(f"interrupted; the same command continues {search.name}")
        raise typer.Exit(EXIT_INTERRUPTED)
