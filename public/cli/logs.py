"""`alignsearch logs`: what the attempts at a trial have logged, in the terminal."""

from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.attempt_lines import attempt_lines, follow_lines
from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    TidArgument,
    notice,
    print_json,
    print_text,
)
from alignsearch.dashboards.models import LogLine
from alignsearch.search.documents.limits import LARGEST
from alignsearch.wiring import open_store


def logs(
    name: NameArgument,
    tid: TidArgument,
    attempt: Annotated[
        int | None,
        typer.Option(min=1, max=LARGEST, help="Number of the attempt. Default: the last one."),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Print new lines until the trial has ended, or the --attempt has."
        ),
    ] = False,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Print what an attempt at a trial has logged, with its epochs, its error and its end."""
    if follow and as_json:
        raise ConfigurationError("--follow or --json, not both")
    with open_store(store) as opened:
        if follow:
            last = None
            for number, line in follow_lines(opened, name, tid, attempt):
                if last not in (None, number):
                    print_text(f"attempt {number}")
                last = number
                print_text(_text(line))
            return
        number, lines = attempt_lines(opened, name, tid, attempt)
    if as_json:
        found = [line.model_dump(mode="json") for line in lines]
        print_json({"attempt": number, "lines": found})
        return
    if not number:
        notice(f"no attempt at trial {tid} has begun yet")
    for line in lines:
        print_text(_text(line))


def _text(line: LogLine) -> str:
    when = " " * 19 if line.at is None else f"{line.at:%Y-%m-%d %H:%M:%S}"
    first, *others = line.text.split("\n")
    return "\n".join([f"{when}  {line.level}  {first}", *(f"    {each}" for each in others)])
