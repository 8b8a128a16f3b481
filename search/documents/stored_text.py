"""Text from elsewhere as a store can hold it: errors, reasons, warnings and log lines.

An objective may raise or print anything: bytes that are no text, or the megabytes of an array. Its
trial must not be lost because the store refuses the words about it.
"""

from typing import Annotated

from pydantic import AfterValidator

LONGEST_STORED = 20_000
"""Characters of one text. A trial keeps one for each of its attempts, and is read as a whole."""
_LONGEST_BEGINNING, _LONGEST_END = 4_000, 15_900
"""Characters of a shortened text that come from its beginning and its end: a traceback's end says
most. With the line between them it is short enough to be left alone when it is read again."""


def stored_text(text: str) -> str:
    r"""Return the text with escapes in place of what is no Unicode, shortened in its middle.

    Example:
        >>> stored_text("no text: \udc80")
        'no text: \\udc80'
    """
    # Halves of characters stand for bytes that are no UTF-8.
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= LONGEST_STORED:
        return text
    left_out = len(text) - _LONGEST_BEGINNING - _LONGEST_END
    return (
        f"{text[:_LONGEST_BEGINNING]}\n... {left_out} characters left out ...\n"
        f"{text[-_LONGEST_END:]}"
    )


StoredText = Annotated[str, AfterValidator(stored_text)]
"""A document's field with text from elsewhere."""
