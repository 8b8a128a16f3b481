"""`alignsearch confirm`: repeat a search's best trials on fresh seeds, and name one by its mean."""

from typing import Annotated

import typer

from alignsearch.cli.options import (
    JsonOption,
    LogFormatOption,
    LogLevelOption,
    NameArgument,
    RayOption,
    StoreOption,
    WaitOption,
    print_json,
    print_text,
    start_logs,
)
from alignsearch.cli.waiting import wait_for
from alignsearch.names import whoami
from alignsearch.search.store import Store
from alignsearch.search.use_cases.confirming import USUAL, outcome_in_words
from alignsearch.search.use_cases.confirming import confirm as confirm_search
from alignsearch.wiring import reviver, store_uri


def confirm(
    name: NameArgument,
    top: Annotated[
        int | None,
        typer.Option(help=f"Number of the best trials to repeat. Default: {USUAL.top}."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Largest number of repetitions of each; those that can't win any more get fewer. "
            f"Default: {USUAL.seeds}."
        ),
    ] = None,
    wait: WaitOption = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Repeat the best trials of a search on fresh seeds, and name the best one by its mean.

    Repetitions begin in slots that have nothing else to do. Without --top and --seeds they take at
    most a tenth of the search's cost. A search that is over goes on for them alone.
    """
    start_logs(log_format, log_level)
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        search = confirm_search(opened, name, whoami(), top=top, seeds=seeds)
        if wait:
            wait_for(opened, uri, name, ray, reviver(store), as_json=as_json)
            return
    if as_json:
        print_json({"name": name, "status": search.status, "confirm": search.confirm})
    else:
        print_text(outcome_in_words(search))
