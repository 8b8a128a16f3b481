"""The table of commands, in the order in which `--help` lists them."""

import importlib.metadata
import inspect
import platform
from typing import Annotated

import typer

from alignsearch.cli import (
    best,
    budget,
    confirm,
    copy,
    dashboard,
    data,
    doctor,
    drive,
    events,
    experiments,
    export,
    given,
    hand_back,
    importance,
    logs,
    report,
    retain,
    show,
    spaces,
    status,
    steer,
    store,
    submit,
    train,
    trials,
    whole_search,
)
from alignsearch.cli.options import print_text

app = typer.Typer(
    name="alignsearch",
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


app.command()(spaces.spaces)
app.command()(submit.submit)
app.command()(drive.serve)
app.command()(status.status)
app.command()(trials.trials)
app.command()(show.show)
app.command()(logs.logs)
app.command()(best.best)
app.command()(importance.importance)
app.command()(confirm.confirm)
app.command()(steer.pause)
app.command()(steer.resume)
app.command()(steer.stop)
app.command()(steer.cancel)
app.command()(steer.release)
app.command()(budget.extend)
app.command(name="set")(budget.set_)
app.command()(steer.retry)
app.command()(given.enqueue)
app.command(name="import")(given.import_)
app.command()(events.events)
app.command()(export.export)
app.command()(copy.dump)
app.command()(copy.load)
app.command()(whole_search.note)
app.command(cls=whole_search.TagCommand)(whole_search.tag)
app.command()(whole_search.rename)
app.command()(whole_search.delete)
app.command()(retain.retain)
app.command()(dashboard.dashboard)
app.command()(train.train)
app.command()(report.report)
app.add_typer(experiments.app, name="experiment")
app.add_typer(store.app, name="store")
app.command()(data.data)
app.command()(doctor.doctor)
app.command()(hand_back.hand_back)


def _fill_help(table: typer.Typer) -> None:
    """Let the help of each command fill the terminal: Typer keeps the line ends of docstrings."""
    for command in table.registered_commands:
        text = inspect.cleandoc(command.help or getattr(command.callback, "__doc__", None) or "")
        paragraphs = text.split("\n\n")
        command.help = "\n\n".join(" ".join(each.split("\n")) for each in paragraphs)
    for group in table.registered_groups:
        if group.typer_instance is not None:
            _fill_help(group.typer_instance)


_fill_help(app)
