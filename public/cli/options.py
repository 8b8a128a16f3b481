"""Arguments and options that several verbs share, and what opens a store from them."""

import getpass
import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import typer
from pydantic_core import to_json
from rich.console import Console

from alignment_core.accelerator_names import PRECISIONS
from alignment_core.errors import UnknownNameError
from alignsearch.cli.hiding import STORE_VARIABLE
from alignsearch.search.attempts.logs import LogFormat, LogLevel, log_to_stderr
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

EMBEDDED_FOLDER = Path(".alignsearch")
LARGEST = 2**31 - 1
"""Of any whole number that is asked for."""

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        show_envvar=True,
        help="URI of a MongoDB, or file:/PATH of a file that holds it; without one, the embedded "
        "store of this folder.",
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
LogFormatOption = Annotated[
    str,
    typer.Option(
        "--log-format",
        envvar="ALIGNSEARCH_LOG_FORMAT",
        show_envvar=True,
        help="text, or json: an object a line; both to standard error.",
    ),
]
LogLevelOption = Annotated[
    str,
    typer.Option(
        "--log-level",
        envvar="ALIGNSEARCH_LOG_LEVEL",
        show_envvar=True,
        help="From which level on: debug, info, warning or error.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
TidArgument = Annotated[int, typer.Argument(help="Number of the trial.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the search.")]
ImageSizeOption = Annotated[
    int | None,
    typer.Option(min=1, max=LARGEST, help="Side of ImageNet's photographs; else 224, or 299 (v2)."),
]
OnCorruptOption = Annotated[
    Literal["refuse", "skip"],
    typer.Option(help="What a corrupt record does: it ends the reading, or is left out."),
]
PrecisionOption = Annotated[
    str, typer.Option(help=f"Of matrix products and convolutions: {' or '.join(PRECISIONS)}.")
]
StrategyOption = Annotated[
    str,
    typer.Option(help="Devices: one, mirrored (all GPUs), tpu; auto takes the most that there is."),
]

WIDTH_OF_FILES = 160
"""Columns of what is printed to a file or a pipe, where nothing says how wide it is."""


def _console(*, stderr: bool = False) -> Console:
    made = Console(stderr=stderr)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDTH_OF_FILES
    return made


console = _console()
notices = _console(stderr=True)
"""For what isn't the result that was asked for."""


def start_logs(format: str, level: str) -> None:
    """Log to standard error from now on.

    Raises:
        UnknownNameError: there is no such format or level.
    """
    known = (("log format", format, get_args(LogFormat)), ("log level", level, get_args(LogLevel)))
    for kind, name, names in known:
        if name not in names:
            raise UnknownNameError(kind, name, names)
    # Between objects, a line for people would break a program that reads them.
    notices.quiet = format == "json"
    log_to_stderr(cast(LogFormat, format), cast(LogLevel, level))


def open_store(uri: str | None) -> Store:
    """Connect to the store at `uri`, or to this folder's embedded one, which is started.

    Raises:
        StoreUnavailableError: nothing answers, or this folder has no store.
        StoreCorruptedError: the embedded store's folder can't be used.
    """
    if not has_store(uri):
        raise StoreUnavailableError(
            f"this folder has no store ({EMBEDDED_FOLDER}/) and so no search: `alignsearch "
            "submit` makes both; or work in the folder of your searches, or name a MongoDB "
            "with --store"
        )
    return Store.connect(store_uri(uri))


def has_store(uri: str | None) -> bool:
    """Whether there is a store to look into: one that is named, or one of this folder."""
    return bool(uri) or EMBEDDED_FOLDER.exists()


def store_uri(uri: str | None) -> str:
    """`uri`, or that of this folder's embedded store, which is made and started."""
    return uri or EmbeddedStore(EMBEDDED_FOLDER).ensure()


def whoami() -> str:
    """The person and host that events name."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def driver_owner() -> str:
    """The person, host and process that a driver's lease names."""
    return f"{whoami()}:{os.getpid()}"


def print_json(document: Any) -> None:
    """Print one JSON document for programs."""
    # A number that is none, like the angle of a kernel of zeros, has no JSON but null.
    print_text(to_json(document, indent=2, inf_nan_mode="null", fallback=str).decode())


def print_text(text: str) -> None:
    """Print text as it is: no colours, no wrapping, and at once, into files too."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()
