"""The progress of a search in a notebook's cell, replaced in place once a second."""

import sys
from io import StringIO
from typing import Any

from rich.console import RenderableType

from alignsearch.terminal import VisibleConsole

PANEL_WIDTH = 100
"""Columns of the display: the output of a cell has no width of its own."""
_CELL = '<pre style="line-height:normal; overflow-x:auto">{code}</pre>'


def in_notebook() -> bool:
    """Return whether this process is a notebook's kernel, which displays more than text."""
    # IPython is imported before its kernel runs a cell: a script without it spares the import.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class CellDisplay:
    """One place in the current cell's output, whose content is replaced."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._handle: Any = None

    def show(self, html: str) -> None:
        """Display HTML, in place of what was displayed before."""
        # Only notebooks have IPython.
        from IPython.display import HTML, display

        content = HTML(html)
        if self._handle is None:
            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)


def as_html(shown: RenderableType) -> str:
    """Return a panel or a table of the terminal as HTML with its colours."""
    console = VisibleConsole(record=True, file=StringIO(), width=PANEL_WIDTH, force_jupyter=False)
    console.print(shown)
    return console.export_html(inline_styles=True, code_format=_CELL)
