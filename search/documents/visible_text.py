"""Text from elsewhere as a terminal may have it: control characters are shown, not obeyed.

A name, a note, an error or a log line may hold characters that move the cursor, set the window's
title, hide what was printed before, or reverse the order of letters.
"""

import re

_OBEYED = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f"  # C0 without tab and newline: ESC, BEL, CR, backspace; and DEL.
    "\x80-\x9f"  # C1: the same commands in one character each.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # The direction of writing.
    "\u200b\u2028\u2029\u2060-\u2064\ufeff\U000e0000-\U000e007f"  # Lines, and what isn't seen.
    "\ud800-\udfff"  # Halves of characters.
    "]"
)


def visible(text: str) -> str:
    r"""Return the text with escapes like `\x1b` in place of characters that a terminal obeys.

    Tabs and newlines stay. The text without such characters is returned as it is.

    Example:
        >>> visible("\x1b[2Jall is well")
        '\\x1b[2Jall is well'
    """
    return _OBEYED.sub(_escaped, text)


def visible_json(text: str) -> str:
    r"""Return a JSON text with its own escapes like `\u009b` for these characters.

    A program that reads it gets the same document.
    """
    return _OBEYED.sub(_escaped_in_json, text)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")


def _escaped_in_json(found: re.Match[str]) -> str:
    halves = found.group().encode("utf-16-be", "surrogatepass")
    units = (halves[at : at + 2] for at in range(0, len(halves), 2))
    return "".join(f"\\u{unit.hex()}" for unit in units)
