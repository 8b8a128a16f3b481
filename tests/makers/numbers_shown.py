"""Numbers as people read them, told apart from others by as many digits as that takes."""

import re

from alignsearch.search.documents.digits import FEWEST, MOST


def shows(text: str, value: float, beside: str = "") -> bool:
    """Return whether a text has a number, with however many decimals tell it apart.

    beside: a regular expression of what precedes the number, like `"best "`.
    """
    found = (re.escape(f"{value:.{digits}f}") for digits in range(FEWEST, MOST + 1))
    return re.search(rf"{beside}\b(?:{'|'.join(found)})(?!\d)", text) is not None
