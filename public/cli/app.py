"""The table of commands, in the order in which `--help` lists them."""

import importlib
import importlib.metadata
import inspect
import platform
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from alignsearch.cli.options import print_text

COMMANDS: Mapping[str, str] = {
    "spaces": "spaces:spaces",
    "submit": "submit:submit",
    "serve": "drive:serve",
    "status": "status:status",
    "trials": "trials:trials",
    "show": "show:show",
    "logs": "logs:logs",
    "best": "best:best",
    "importance": "importance:importance",
    "confirm": "confirm:confirm",
    "pause": "steer:pause",
    "resume": "steer:resume",
    "stop": "steer:stop",
    "cancel": "steer:cancel",
    "release": "steer:release",
    "extend": "budget:extend",
    "set": "budget:set_",
    "retry": "steer:retry",
    "enqueue": "given:enqueue",
    "import": "given:import_",
    "events": "events:events",
    "export": "export:export",
    "dump": "copy:dump",
    "load": "copy:load",
    "note": "whole_search:note",
    "tag": "whole_search:tag_table",
    "rename": "whole_search:rename",
    "delete": "whole_search:delete",
    "retain": "retain:retain",
    "dashboard": "dashboard:dashboard",
    "train": "train:train",
    "report": "report:report",
    "experiment": "experiments:app",
    "store": "store:app",
    "data": "data:data",
    "doctor": "doctor:doctor",
    "hand-back": "hand_back:hand_back",
}
"""Each command's module in this folder, and the function or table of commands there.

A command answers soon because the others' modules are not imported for it.
"""


class LazyCommands(Mapping[str, Any]):
    """The commands by name, each imported when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, COMMANDS[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class CommandTable(TyperGroup):
    """The command `alignsearch` itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        commands: Any = LazyCommands()
        self.commands = commands


def _command(name: str, place: str) -> Any:
    """Import a command, or a table of commands, and return it as Typer runs it."""
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"alignsearch.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        table = found
    else:
        table = typer.Typer()
        table.command(name)(found)
    # Only the whole program's completion can be installed.
    table._add_completion = False
    _fill_help(table)
    command = typer.main.get_command(table)
    command.name = name
    return command


def _fill_help(table: typer.Typer) -> None:
    """Let the help of each command fill the terminal: Typer keeps the line ends of docstrings."""
    for command in table.registered_commands:
        text = inspect.cleandoc(command.help or getattr(command.callback, "__doc__", None) or "")
        paragraphs = text.split("\n\n")
        command.help = "\n\n".join(" ".join(each.split("\n")) for each in paragraphs)


app = typer.Typer(
    name="alignsearch",
    cls=CommandTable,
    help="Distributed hyperparameter search for learning rules without weight symmetry.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        own = importlib.metadata.version("alignsearch")
        print_text(f"alignsearch {own}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that need no command; the table's own help text is shown."""
