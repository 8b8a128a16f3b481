"""`alignsearch store status|stop|roles`: the embedded store, and the users of a MongoDB."""

import json
import os
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import JsonOption, StoreOption, print_json, print_text
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.store.connection import DATABASE
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import command_line
from alignsearch.search.store.roles import ROLES, apply_roles, apply_users, create_role, create_user
from alignsearch.wiring import EMBEDDED_FOLDER

USERS_SECONDS = 5.0
"""Seconds that `stop` waits for clients to disconnect: the workers of a search that has just
ended need a moment."""
NAMED_PROCESSES = 5
"""Limits the processes that an error message names, so that it fits into a few lines."""
LONGEST_COMMAND = 60
"""Limits the characters of each command line that an error message shows."""

app = typer.Typer(help="The embedded store of this folder, and a MongoDB's users.")


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show whether the embedded store runs, its address, and its size on disk."""
    found = EmbeddedStore(EMBEDDED_FOLDER).status()
    if as_json:
        print_json(
            {
                "running": found.running,
                "uri": found.uri,
                "pid": found.pid,
                "data_bytes": found.data_size,
            }
        )
    elif found.running:
        print_text(
            f"running at {found.uri} (process {found.pid}), {found.data_size / 1e6:.1f} MB "
            f"in {EMBEDDED_FOLDER}/"
        )
    elif EMBEDDED_FOLDER.exists():
        print_text(f"not running, {found.data_size / 1e6:.1f} MB in {EMBEDDED_FOLDER}/")
    else:
        print_text(f"this folder has no store ({EMBEDDED_FOLDER}/)")


@app.command()
def stop() -> None:
    """Stop the embedded store, if no process uses it; the next command starts it again."""
    embedded = EmbeddedStore(EMBEDDED_FOLDER)
    users = embedded.users(USERS_SECONDS)
    if users:
        # A driver or a dashboard would restart the store at once.
        raise StateConflictError(
            f"the store is in use by {_processes(users)}: end what was started from a terminal "
            "first (Ctrl-C hands running trials back; workers then end by themselves), and try "
            "again; nothing was stopped"
        )
    if embedded.stop():
        print_text("the embedded store is stopped; its data stay")
    else:
        print_text("no embedded store runs for this folder")


@app.command()
def roles(
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Create the roles in --store, whose user must be an administrator."
        ),
    ] = False,
    users: Annotated[
        Path | None,
        typer.Option(
            help="Folder for URIs. With --apply: create a user with a new password for each role, "
            "and write the URIs there."
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(help="Database in the printed commands. --apply takes the URI's database."),
    ] = DATABASE,
    store: StoreOption = None,
) -> None:
    """Print mongosh commands for the least roles that each part needs, or create the roles."""
    if not apply:
        if users is not None:
            raise ConfigurationError("--users makes users: add --apply and an administrator's URI")
        _print_commands(database)
        return
    if store is None:
        raise ConfigurationError("--apply needs --store with an administrator's URI")
    apply_roles(store)
    print_text(f"the store has the roles of {', '.join(ROLES)}")
    if users is not None:
        folder = users.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part, uri in apply_users(store).items():
            _write_secret(folder / part, uri + "\n")
            print_text(f"{part}: --store file:{folder / part}")


def _processes(pids: list[int]) -> str:
    named = [f"{pid} ({_short(command_line(pid))})" for pid in pids[:NAMED_PROCESSES]]
    more = len(pids) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _short(command: str) -> str:
    """Return a command line without the interpreter and without its folder."""
    words = command.split()
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        del words[0]
    words[:1] = [Path(word).name for word in words[:1]]
    return textwrap.shorten(" ".join(words), LONGEST_COMMAND, placeholder="…")


def _print_commands(database: str) -> None:
    print_text(f"use {database}")
    for part in ROLES:
        made = create_user(part, database, "")
        # The shell prompts for it, so that its history has no password.
        user = json.dumps(made).replace('"pwd": ""', '"pwd": passwordPrompt()')
        print_text(f"db.runCommand({json.dumps(create_role(part, database))})")
        print_text(f"db.runCommand({user})")


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
