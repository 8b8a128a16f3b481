"""Arguments and options that several verbs share, and what opens a store from them."""

import getpass
import json
import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from search.embedded import EmbeddedStore
from search.store import Store

EMBEDDED_FOLDER = Path(".alignsearch")

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="ALIGNSEARCH_STORE",
        show_envvar=True,
        help="URI of a MongoDB; without one, the embedded store of this folder.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        envvar="ALIGNSEARCH_RAY",
        show_envvar=True,
        help="HOST:PORT of a Ray cluster's head; without one, a Ray on this machine.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the search.")]

console = Console()


def open_store(uri: str | None) -> Store:
    """Connect to the store at `uri`, or to this folder's embedded one, which is started.

    Raises:
        StoreUnavailableError: nothing answers.
        StoreCorruptedError: the embedded store's folder can't be used.
    """
    return Store.connect(store_uri(uri))


def store_uri(uri: str | None) -> str:
    """`uri`, or that of this folder's embedded store, which is started."""
    return uri or EmbeddedStore(EMBEDDED_FOLDER).ensure()


def whoami() -> str:
    """The person and host that events name."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def driver_owner() -> str:
    """The person, host and process that a driver's lease names."""
    return f"{whoami()}:{os.getpid()}"


def print_json(document: Any) -> None:
    """Print one JSON document for programs."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def print_text(text: str) -> None:
    """Print text as it is: no colours, no wrapping."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
