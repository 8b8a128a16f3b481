"""Arguments and options that several commands share, and printing."""

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from pydantic_core import to_json
from rich import box
from rich.table import Table

from alignment_core.accelerator_names import PRECISIONS, STRATEGIES
from alignment_core.errors import UnknownNameError
from alignsearch.cli.completion import search_names
from alignsearch.cli.output import output
from alignsearch.search.attempts.logs import LogFormat, LogLevel, log_to_stderr
from alignsearch.search.documents import RecipeChoices
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.recipe import OnCorrupt
from alignsearch.search.documents.visible_text import visible, visible_json
from alignsearch.store_variable import STORE_VARIABLE
from alignsearch.terminal import VisibleConsole


def help_of(field: str) -> str:
    """Return the help text of a recipe's field, for other commands that have the same option."""
    return RecipeChoices.model_fields[field].description or ""


WIDTH_OF_FILES = 160
"""Columns of output into a file or a pipe, which has no width of its own."""


def _into_file(path: Path | None) -> Path | None:
    if path is not None:
        console.into_file = True
        if "COLUMNS" not in os.environ:
            console.width = WIDTH_OF_FILES
    return output.to_file(path)


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        show_envvar=True,
        help="URI of a MongoDB, or file:/PATH of a file that holds the URI. Default: the embedded "
        "store of this folder.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        envvar="ALIGNSEARCH_RAY",
        show_envvar=True,
        help="HOST:PORT of a Ray cluster's head. Default: a Ray on this machine.",
    ),
]
LogFormatOption = Annotated[
    str,
    typer.Option(
        "--log-format",
        envvar="ALIGNSEARCH_LOG_FORMAT",
        show_envvar=True,
        metavar="[text|json]",
        help="Format of log lines on standard error; json prints an object a line.",
    ),
]
LogLevelOption = Annotated[
    str,
    typer.Option(
        "--log-level",
        envvar="ALIGNSEARCH_LOG_LEVEL",
        show_envvar=True,
        metavar="[debug|info|warning|error]",
        help="Lowest level of log lines that are printed.",
    ),
]
WaitOption = Annotated[
    bool,
    typer.Option("--wait", help="Drive the search in this process, and return when it ends."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
TidArgument = Annotated[int, typer.Argument(help="Number of the trial.")]
NameArgument = Annotated[
    str, typer.Argument(help="Name of the search.", autocompletion=search_names)
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to this file instead of printing; it is replaced once all is written.",
        callback=_into_file,
    ),
]
"""Its callback does it all: a command only lists the option."""
ImageSizeOption = Annotated[
    int | None, typer.Option(min=1, max=LARGEST, help=help_of("image_size"))
]
OnCorruptOption = Annotated[OnCorrupt, typer.Option(help=help_of("on_corrupt"))]
PrecisionOption = Annotated[
    str, typer.Option(metavar=f"[{'|'.join(PRECISIONS)}]", help=help_of("precision"))
]
StrategyOption = Annotated[
    str, typer.Option(metavar=f"[{'|'.join(STRATEGIES)}]", help=help_of("strategy"))
]


def _console(*, stderr: bool = False) -> VisibleConsole:
    # Errors, labels and names come from elsewhere: none of their letters is markup.
    made = VisibleConsole(stderr=stderr, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDTH_OF_FILES
    return made


console = _console()
notices = _console(stderr=True)
"""Prints to standard error all that is not the result that was asked for."""


def table_of(*headings: str, title: str = "", whole: Collection[str] = ()) -> Table:
    """Return a table without rows, none of whose cells is cut off on a narrow terminal.

    whole: headings whose cells stay in one line, too.
    """
    # Lines between columns would take the room of two of them on 80 columns.
    table = Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in whole)
    return table


def start_logs(format: str, level: str) -> None:
    """Start logging to standard error.

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


def notice(text: str) -> None:
    """Print a line for people on standard error."""
    notices.print(text, highlight=False)


def hint(text: str) -> None:
    """Print a line on standard error for somebody at a terminal; programs don't get it."""
    if notices.is_terminal:
        notice(text)


def print_json(document: Any) -> None:
    """Print one JSON document, for programs; NaN is printed as null, because JSON has no NaN."""
    text = to_json(document, indent=2, inf_nan_mode="null", fallback=str).decode()
    print_text(visible_json(text))


def print_text(text: str) -> None:
    """Print text without colours or wrapping, and flush it; control characters are shown."""
    _write(visible(text))


def print_data(text: str) -> None:
    """Print a table for other programs as it is; on a terminal, with control characters shown."""
    _write(visible(text) if sys.stdout.isatty() else text)


def _write(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()
