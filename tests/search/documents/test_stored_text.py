"""Texts from elsewhere are stored shortened once, and read as they were stored."""

import pytest

from alignsearch.search.documents.stored_text import LONGEST_STORED, stored_text

TEXTS = {
    "a word": "a word",
    "as long as can be": "a" * LONGEST_STORED,
    "one character more": "a" * (LONGEST_STORED + 1),
    "megabytes": "begin" + "a" * 5_000_000 + "end",
    "no Unicode": "begin" + "\udc80" * LONGEST_STORED + "end",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_was_stored_is_left_alone(text):
    stored = stored_text(text)
    assert stored_text(stored) == stored
    assert len(stored) <= LONGEST_STORED
    stored.encode()


def test_a_shortened_text_tells_how_much_it_lacks():
    beginning, told, end = stored_text(TEXTS["megabytes"]).split("\n")
    assert beginning.startswith("begin")
    assert end.endswith("end")
    assert (
        told == f"... {len(TEXTS['megabytes']) - len(beginning) - len(end)} characters left out ..."
    )
