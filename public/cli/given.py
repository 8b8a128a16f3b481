"""`alignsearch enqueue|import`: points to try first, and results from elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import NameArgument, StoreOption, notice, print_text
from alignsearch.names import whoami
from alignsearch.search.use_cases import enqueueing, importing
from alignsearch.search.use_cases.enqueueing import Wanted
from alignsearch.search.use_cases.giving import Given, counted
from alignsearch.wiring import open_store

MOST_SHOWN = 10
"""Points whose reason for being left out is printed; of an import repeated there are thousands."""


def enqueue(
    name: NameArgument,
    values: Annotated[
        list[str] | None, typer.Argument(help="Further values of --point.", show_default=False)
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIMENSION=VALUE",
            help="A point: the values of all its dimensions, as in --point sigma=0.5 beta=1e-3. "
            "An option of a choice is written as it is shown.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="A CSV file whose header names the dimensions, or a JSON object a line.",
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="The space's columns of Table 5.")
    ] = False,
    other: Annotated[
        str | None,
        typer.Option(
            "--from-search", metavar="OTHER", help="The best points of another search of the store."
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, max=1000, help="How many points --from-search takes.")
    ] = 5,
    store: StoreOption = None,
) -> None:
    """Let a search try points before it suggests others; they count towards its budget.

    A point that the search has tried, or that waits already, is left out.
    """
    asked = [bool(point), file is not None, published, other is not None]
    if sum(asked) != 1:
        raise ConfigurationError(
            "say which points by one of --point DIMENSION=VALUE …, --from FILE, --published and "
            "--from-search OTHER"
        )
    if values and not point:
        raise ConfigurationError(f"{values[0]!r} belongs to no --point")
    left_out: list[str] = []
    with open_store(store) as opened:
        if point:
            wanted = [Wanted(written_values([*point, *(values or [])]))]
        elif file is not None:
            wanted = enqueueing.of_file(opened, name, file)
        elif other is not None:
            wanted, left_out = enqueueing.of_search(opened, name, other, top)
        else:
            wanted = enqueueing.of_table5(opened, name)
        given = enqueueing.enqueue(opened, name, wanted, whoami(), left_out)
        waits = enqueueing.waits_for(opened, given)
    print_left_out(given)
    print_text(f"{counted(len(given.points), 'point')} of {name} to be tried first{waits}")


def written_values(texts: list[str]) -> dict[str, str]:
    """Return values by dimension from texts like `sigma=0.5`.

    Raises:
        ConfigurationError: a text has no `=`, or a dimension comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        # A label may have an equals sign, a value hardly.
        label, sign, value = text.rpartition("=")
        if not (sign and label):
            raise ConfigurationError(
                f"--point {text} needs a dimension and a value, as in --point sigma=0.5 beta=1e-3"
            )
        if label in found:
            raise ConfigurationError(
                f"--point gives {label} twice; several points stand in a file: --from FILE"
            )
        found[label] = value
    return found


def import_(
    name: NameArgument,
    file: Annotated[
        Path | None, typer.Argument(help="The file with the results.", show_default=False)
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(importing.FORMATS)}]",
            help="csv: as `alignsearch trials --csv` prints it, or columns of the dimensions and "
            "one of the metric, or of a loss to minimize. optuna: the SQLite file of Optuna's "
            "RDBStorage.",
        ),
    ] = "csv",
    mongotrials: Annotated[
        str | None,
        typer.Option(
            "--from-mongotrials",
            metavar="URI",
            help="Jobs of HyperOpt's MongoTrials: mongo://HOST:PORT/DATABASE/jobs. Nothing is "
            "unpickled.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="Optuna's study, or the exp_key of MongoTrials, where there are several."
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Import results from elsewhere as finished trials, which spend nothing of the budget.

    The sampler learns from them. Results that the search has already are left out.
    """
    if (file is None) == (mongotrials is None):
        raise ConfigurationError("say where the results are: a FILE, or --from-mongotrials URI")
    with open_store(store) as opened:
        if file is not None:
            done = importing.import_file(opened, name, file, format, whoami(), study)
        else:
            assert mongotrials is not None
            done = importing.import_mongotrials(opened, name, mongotrials, whoami(), study)
    print_left_out(done)
    when = "; its driver adds them within a second" if done.waits and done.points else ""
    print_text(f"{counted(len(done.points), 'result')} of {done.source} imported into {name}{when}")


def print_left_out(given: Given) -> None:
    """Print on standard error which points were left out, and why."""
    for reason in given.left_out[:MOST_SHOWN]:
        notice(f"left out: {reason}")
    if len(given.left_out) > MOST_SHOWN:
        notice(f"left out: {len(given.left_out) - MOST_SHOWN} more")
