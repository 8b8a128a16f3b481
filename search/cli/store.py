"""`alignsearch store status|stop|roles`: this folder's embedded store, and a MongoDB's users."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from search.cli.options import EMBEDDED_FOLDER, JsonOption, StoreOption, print_json, print_text
from search.embedded import EmbeddedStore
from search.store_connection import DATABASE
from search.store_roles import ROLES, apply_roles, apply_users, create_role, create_user

app = typer.Typer(help="The embedded store of this folder, and a MongoDB's users.")


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Say whether the embedded store runs, where, and how large it is."""
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
    """Stop the embedded store; the next command that needs it starts it again."""
    if EmbeddedStore(EMBEDDED_FOLDER).stop():
        print_text("the embedded store is stopped; its data stay")
    else:
        print_text("no embedded store runs for this folder")


@app.command()
def roles(
    apply: Annotated[
        bool, typer.Option("--apply", help="Make them in --store, whose user must be allowed to.")
    ] = False,
    users: Annotated[
        Path | None,
        typer.Option(
            help="With --apply: make a user for each, with a new password, and leave their URIs in "
            "this folder."
        ),
    ] = None,
    database: Annotated[
        str, typer.Option(help="Of what is printed; --apply takes the URI's.")
    ] = DATABASE,
    store: StoreOption = None,
) -> None:
    """Print, for mongosh, or make a MongoDB's roles: what each part of the program may do."""
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


def _print_commands(database: str) -> None:
    print_text(f"use {database}")
    for part in ROLES:
        made = create_user(part, database, "")
        # The shell asks, so that no password is in its history.
        user = json.dumps(made).replace('"pwd": ""', '"pwd": passwordPrompt()')
        print_text(f"db.runCommand({json.dumps(create_role(part, database))})")
        print_text(f"db.runCommand({user})")


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
