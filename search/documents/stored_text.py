"""Text from elsewhere as a store can hold it: errors, reasons, warnings and log lines.

An objective may raise or print anything: bytes that are no text, or the megabytes of an array. Its
trial must not be lost because the store refuses the words about it.
"""

from typing import Annotated

from pydantic import AfterValidator

LONGEST_STORED = 20_000
"""Characters of one text. A trial keeps one for each of its attempts, and is read as a whole."""
_LONGEST_BEGINNING = 4_000
"""Characters of a shortened text that come from its beginning: a traceback's end says most."""


def stored_text(text: str) -> str:
    r"""Return the text with escapes in place of what is no Unicode, shortened in its middle.

    Example:
        >>> stored_text("no text: \udc80")
        'no text: \\udc80'
    """
    if len(text) > LONGEST_STORED:
        left_out = f"\n... {len(text) - LONGEST_STORED} characters left out ...\n"
        end = text[-(LONGEST_STORED - _LONGEST_BEGINNING) :]
        text = f"{text[:_LONGEST_BEGINNING]}{left_out}{end}"
    # Halves of characters stand for bytes that are no UTF-8.
    return text.encode(errors="backslashreplace").decode()


StoredText = Annotated[str, AfterValidator(stored_text)]
"""A document's field with text from elsewhere."""
