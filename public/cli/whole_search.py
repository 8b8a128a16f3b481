"""`alignsearch delete|rename|note|tag`: verbs on a search as a whole; each adds an event."""

import re
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import NameArgument, StoreOption, notice, print_text
from alignsearch.names import whoami
from alignsearch.search.documents.visible_text import visible
from alignsearch.search.use_cases import whole_search
from alignsearch.wiring import open_store

_TAKEN_OFF = "\0"
"""Mark before an argument like -old, which would be read as options; no argument has a NUL."""


def delete(
    name: NameArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete. Without it, a terminal is asked first.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Delete a search with its trials, epochs, logs, events and checkpoints, for good."""
    with open_store(store) as opened:
        planned = whole_search.deletion_of(opened, name)
        folder = "" if planned.folder is None else f", checkpoints in {planned.folder}"
        if not yes and not _agreed(f"delete {name}: trials: {planned.trials}{folder}"):
            print_text(f"{name} stays as it is")
            raise typer.Exit(1)
        done = whole_search.delete(opened, name, whoami())
    print_text(f"{name} is deleted; trials that went with it: {done.trials}")
    if done.left:
        notice(f"its checkpoints could not be removed and stay: {done.left}")


def rename(
    name: NameArgument,
    new: Annotated[str, typer.Argument(help="New name.")],
    store: StoreOption = None,
) -> None:
    """Give a search another name; its checkpoints stay where they are."""
    with open_store(store) as opened:
        whole_search.rename(opened, name, new, whoami())
    print_text(f"{name} is {new} now")


def note(
    name: NameArgument,
    text: Annotated[str, typer.Argument(help="Text of the note; empty for none.")],
    store: StoreOption = None,
) -> None:
    """Write a note on a search, in place of the one that it has."""
    with open_store(store) as opened:
        whole_search.note(opened, name, text, whoami())
    print_text(f"{name} has the note" if text else f"{name} has no note")


tag_table = typer.Typer()
"""The command `tag` alone, which reads its arguments in a way of its own."""


class TagCommand(TyperCommand):
    """A command that takes arguments like -old, where others would take options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, those with one dash as words."""
        marked = [_TAKEN_OFF + arg if re.match(r"-[^-]", arg) else arg for arg in args]
        return super().parse_args(ctx, marked)


@tag_table.command(cls=TagCommand)
def tag(
    name: NameArgument,
    tags: Annotated[
        list[str], typer.Argument(metavar="+TAG|-TAG...", help="Tags to add and to remove.")
    ],
    store: StoreOption = None,
) -> None:
    """Add tags to a search and remove others; `alignsearch status --tag TAG` finds it by one."""
    words = [each.removeprefix(_TAKEN_OFF) for each in tags]
    for each in words:
        if each[:1] not in ("+", "-"):
            raise ConfigurationError(f"{each!r} begins with neither + nor -: add +{each}?")
    with open_store(store) as opened:
        search = whole_search.tag(
            opened,
            name,
            [each[1:] for each in words if each[0] == "+"],
            [each[1:] for each in words if each[0] == "-"],
            whoami(),
        )
    print_text(f"{name} has the tags: {', '.join(search.tags) or 'none'}")


def _agreed(what: str) -> bool:
    """Ask on a terminal whether to do it.

    Raises:
        ConfigurationError: nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{what}: nothing is deleted without --yes")
    return typer.confirm(f"{visible(what)}?")
