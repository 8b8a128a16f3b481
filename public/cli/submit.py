"""`alignsearch submit`: make a new search, and drive it here with `--wait`."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import PLAIN_WIDTHS
from alignsearch.cli.model_options import with_options_of
from alignsearch.cli.options import (
    JsonOption,
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    notice,
    notices,
    print_json,
    print_text,
    start_logs,
)
from alignsearch.driving import (
    EXIT_INTERRUPTED,
    cluster,
    drive_to_end,
    interruptible,
    make_driver,
)
from alignsearch.names import whoami
from alignsearch.progress import against_chance, best_so_far
from alignsearch.search.documents import REHEARSAL, Search
from alignsearch.search.documents.durations import as_utc
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.reports.best import best_column
from alignsearch.search.reports.export import export as render
from alignsearch.search.store import Store
from alignsearch.search.use_cases.new_search import create, prepare, with_warm_start
from alignsearch.search.use_cases.submission import Submission, refusal
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.spaces.definition import Definition
from alignsearch.surroundings import surroundings
from alignsearch.tensorflow_import import import_tensorflow, quietly
from alignsearch.wiring import has_store, reviver, store_uri


@with_options_of(Submission, refusal)
def submit(
    asked: Submission,
    program: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- PROGRAM...]",
            help="Program of each trial, for a space without an objective: {label} in its "
            "arguments is the value of a dimension.",
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Drive the search in this process, and return when it ends."),
    ] = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Submit a search; everything is checked before anything is written.

    A search is over a definition: a space of configurations with an objective.
    """
    start_logs(log_format, log_level)
    if program and "--" not in sys.argv:
        raise ConfigurationError(
            f"{' '.join(program)!r} is one argument too many: `alignsearch submit --help` lists "
            "options; the program of each trial comes after --, like `-- python train.py`"
        )
    around = surroundings(store, ray, wait=wait)
    # A module of the user's own may import TensorFlow, and a plain network is built once.
    around = replace(around, resolve=quietly(around.resolve), find=quietly(around.find))
    if asked.model in PLAIN_WIDTHS and asked.dataset != REHEARSAL:
        import_tensorflow()
    definition = around.resolve(asked.space)
    search = prepare(asked, whoami(), around, definition=definition, program=program or ())
    if asked.warm_start is not None and not has_store(store):
        raise UnknownNameError("search", asked.warm_start, ())
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        if asked.warm_start is not None:
            search = with_warm_start(opened, search, asked.warm_start)
        created = create(opened, search, named=asked.name is not None)
        if advice := _advice(definition, created):
            notices.print(advice, highlight=False, soft_wrap=True)
        if created.until is not None:
            notice(f"no trial of {created.name} begins after {as_utc(created.until)}")
        if not wait:
            if as_json:
                print_json({"name": created.name})
            else:
                print_text(created.name)
            return
        _wait(opened, uri, created.name, ray, reviver(store), as_json=as_json)


def _advice(definition: Definition, search: Search) -> str:
    """Return what the definition has to say on this search of it, where anything is trained."""
    recipe = search.recipe
    if definition.advice is None or recipe is None or recipe.dataset == REHEARSAL:
        return ""
    return definition.advice(recipe)


def _wait(
    store: Store,
    uri: str,
    name: str,
    ray: str | None,
    revive_store: Callable[[], None],
    *,
    as_json: bool,
) -> None:
    from alignsearch.search.driver.driver import Outcome

    if not as_json:
        print_text(f"search {name}")
    with cluster(ray), interruptible(notice) as interrupt:
        # On a pipe, the one document that was asked for is all there is.
        shown_on = notices if as_json else console
        make = partial(make_driver, store, uri, name, revive_store)
        outcome = drive_to_end(store, name, make, interrupt, shown_on)
    summary = read_summary(store, name)
    if as_json:
        print_json({**summary.to_json(), "outcome": outcome.value})
    elif outcome == Outcome.INTERRUPTED:
        print_text(f"interrupted; `alignsearch serve` continues {name}")
    elif summary.best is not None:
        print_text(
            f"{name} is {summary.search.status}: best {best_so_far(summary.best, summary.metric)}"
        )
        print_text(f"{against_chance(summary)}\n")
        print_text(render([best_column(store, name)], "markdown"))
    else:
        print_text(f"{name} is {summary.search.status}: {summary.search.error or 'no result'}")
    if outcome == Outcome.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)
    if summary.search.status != SearchStatus.COMPLETED:
        raise typer.Exit(1)
