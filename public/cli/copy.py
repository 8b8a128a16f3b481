"""`alignsearch dump|load`: copy a whole search from one store into another by a file."""

from pathlib import Path
from typing import Annotated

import typer

from alignsearch.cli.options import NameArgument, StoreOption, print_text
from alignsearch.names import whoami
from alignsearch.search.store import Store
from alignsearch.wiring import open_store, store_uri


def dump(
    name: NameArgument,
    file: Annotated[
        Path, typer.Argument(help="File to create; compressed if its name ends in .gz.")
    ],
    store: StoreOption = None,
) -> None:
    """Write a whole search to a file: its trials, epochs, events and logs."""
    # Imported late: no other command needs it.
    from alignsearch.search.store import dump as dumps

    with open_store(store) as opened:
        documents = dumps.dump(opened, name, file)
    print_text(f"{name} is in {file}: {documents} documents, {file.stat().st_size / 1e6:.1f} MB")


def load(
    file: Annotated[Path, typer.Argument(help="File that `alignsearch dump` has written.")],
    name: Annotated[
        str | None,
        typer.Option("--as", help="Name of the search in the store. Default: the one it had."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Load a dumped search into a store, where it can be driven further.

    The copy keeps its checkpoints in a folder of its own; a trial that was running goes on from its
    original's last one, where that is at hand, and else begins anew.
    """
    from alignsearch.search.store import dump as dumps

    checked = dumps.check(file)
    with Store.connect(store_uri(store)) as opened:
        loaded = dumps.load(opened, checked, name=name, who=whoami())
    print_text(f"{loaded} is loaded; `alignsearch status {loaded}` shows its progress")
