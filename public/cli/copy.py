"""`alignsearch dump|load`: a whole search as a file, from one store into another."""

from pathlib import Path
from typing import Annotated

import typer

from alignsearch.cli.options import NameArgument, StoreOption, open_store, print_text, store_uri
from alignsearch.search.store import Store


def dump(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="A new file; compressed if it ends in .gz.")],
    store: StoreOption = None,
) -> None:
    """Write a search to a file: trials, epochs, events, all of it."""
    # Brings what reads and writes the files, which no other verb needs.
    from alignsearch.search.store import dump as dumps

    with open_store(store) as opened:
        documents = dumps.dump(opened, name, file)
    print_text(f"{name} is in {file}: {documents} documents, {file.stat().st_size / 1e6:.1f} MB")


def load(
    file: Annotated[Path, typer.Argument(help="What `alignsearch dump` wrote.")],
    store: StoreOption = None,
) -> None:
    """Put the search of a file into a store, where it can go on."""
    from alignsearch.search.store import dump as dumps

    checked = dumps.check(file)
    with Store.connect(store_uri(store)) as opened:
        name = dumps.load(opened, checked)
    print_text(f"{name} is loaded; `alignsearch status {name}` says where it stands")
