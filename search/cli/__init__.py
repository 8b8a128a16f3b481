"""The command `alignsearch`. This package alone wires store, driver, workers and figures."""

import sys

from typer.exceptions import TyperException

from alignment_core.errors import AlignSearchError
from search.cli.app import app

USAGE_ERROR = 2


def main() -> None:
    """Run the command line; an error that is the user's to mend is said in a line, exit code 2."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        _fail(error.format_message())
    except AlignSearchError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code)


def _fail(message: str) -> None:
    sys.stderr.write(f"alignsearch: {message}\n")
    sys.exit(USAGE_ERROR)
