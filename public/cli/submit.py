"""`alignsearch submit`: make a new search, and drive it here with `--wait`."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import OWN_WIDTHS
from alignsearch.cli.model_options import with_options_of
from alignsearch.cli.options import (
    JsonOption,
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    WaitOption,
    hint,
    notice,
    notices,
    print_json,
    print_text,
    start_logs,
)
from alignsearch.cli.waiting import wait_for
from alignsearch.names import whoami
from alignsearch.search.documents import REHEARSAL, Search
from alignsearch.search.documents.durations import as_utc
from alignsearch.search.store import Store
from alignsearch.search.use_cases.new_search import create, prepare, with_earlier
from alignsearch.search.use_cases.submission import Submission, refusal
from alignsearch.search.use_cases.summary import servers_of
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
    wait: WaitOption = False,
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
    if asked.model in OWN_WIDTHS and asked.dataset != REHEARSAL:
        import_tensorflow()
    definition = around.resolve(asked.space)
    search = prepare(asked, whoami(), around, definition=definition, program=program or ())
    if asked.earlier is not None and not has_store(store):
        raise UnknownNameError("search", asked.earlier, ())
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        if asked.earlier is not None:
            search = with_earlier(opened, search, asked)
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
                servers = servers_of(opened, created)
                drives = (
                    f"{servers[0]} (`alignsearch serve`) drives it"
                    if servers
                    else "`alignsearch serve` drives it"
                )
                hint(
                    f"{created.name} has {created.trials} trials, up to {created.parallel} at "
                    f"once; {drives}, `alignsearch status {created.name} "
                    "--watch` shows where it stands"
                )
            return
        wait_for(opened, uri, created.name, ray, reviver(store), as_json=as_json)


def _advice(definition: Definition, search: Search) -> str:
    """Return what the definition has to say on this search of it, where anything is trained."""
    recipe = search.recipe
    if definition.advice is None or recipe is None or recipe.dataset == REHEARSAL:
        return ""
    return definition.advice(recipe)
