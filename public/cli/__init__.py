"""The command `alignsearch`: each command has a file, which wires store, driver and workers."""

import os
import sys
from typing import TYPE_CHECKING

from alignment_core.errors import AlignSearchError
from alignsearch.cli.output import OutputError, output

if TYPE_CHECKING:
    import typer
    from typer.exceptions import TyperException

USAGE_ERROR = 2


def main() -> None:
    """Run the command line; an error that the user can fix is one line on stderr, exit code 2."""
    from typer.exceptions import TyperException

    app = _app(sys.argv[1:])
    output.begin()
    try:
        code = app(prog_name="alignsearch", standalone_mode=False)
        output.finish()
    except TyperException as error:
        _fail(_usage_error(error))
    except OutputError as error:
        _give_up_output()
        _fail(str(error))
    except AlignSearchError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        output.end()
    sys.exit(code)


def _app(arguments: list[str]) -> "typer.Typer":
    """Return the table of all commands, or of `report` alone.

    A trial's program may call `report` every second: it must not wait for imports of the others.
    """
    if arguments[:1] == ["report"]:
        from alignsearch.cli.report import app

        return app
    from alignsearch.cli.store_password import hide_password

    hide_password()
    from alignsearch.cli.app import app as every

    return every


def _usage_error(error: "TyperException") -> str:
    from pydantic import ValidationError

    message = error.format_message().rstrip(".")
    if isinstance(error.__cause__, ValidationError):
        # The message lacks the value that was given.
        wrong = error.__cause__.errors()[0]
        wanted = wrong["msg"].partition(",")[0]
        message = f"{message.partition(': ')[0]}: {wanted}, not {wrong['input']!r}"
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    return f"{message}; `{context.command_path} --help` says what there is"


def _give_up_output() -> None:
    """Let the interpreter's end write nothing more to where nothing can be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)


def _fail(message: str) -> None:
    # A command without arguments has printed its help, and its error has no message.
    if message:
        from alignsearch.terminal import write_error

        write_error(f"alignsearch: {message}")
    sys.exit(USAGE_ERROR)
