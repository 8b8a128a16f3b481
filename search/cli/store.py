"""`alignsearch store status|stop`: this folder's embedded store."""

import typer

from search.cli.options import EMBEDDED_FOLDER, JsonOption, print_json, print_text
from search.embedded import EmbeddedStore

app = typer.Typer(help="The embedded store of this folder.", no_args_is_help=True)


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
