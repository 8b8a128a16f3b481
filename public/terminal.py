"""The terminal's console, which shows control characters of the texts that it prints.

All that is printed for people passes through here, through `alignsearch.cli.options` or through the
formatters of logs. `tests/public/test_terminal.py` holds the other modules to that.
"""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from alignsearch.search.documents.visible_text import visible


class VisibleConsole(Console):
    """A console of Rich that no text can command.

    Attributes:
        into_file: whether its output has become a file, which gets no colours, since it was made.
    """

    into_file = False

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text for a table's cell or a line: its width is that of what is shown."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of anything that can be printed, as they may be sent."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            shown = text if control else visible(text)
            kept = None if self.into_file else style
            yield segment if (shown, kept) == (text, style) else Segment(shown, kept, control)


def write_error(text: str) -> None:
    """Write a line for people to standard error, without colours or wrapping, and flush it."""
    sys.stderr.write(f"{visible(text)}\n")
    sys.stderr.flush()
