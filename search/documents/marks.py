"""Notes and tags, by which people know a search again."""

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.base import NAME_FORM, NAME_RULE
from alignsearch.search.documents.limits import LONGEST_TEXT

MOST_TAGS = 50
"""Tags of one search: more would fill a page, and tell nothing apart."""


def check_note(text: str) -> None:
    """Check the text of a note.

    Raises:
        ConfigurationError: it is too long, or has characters that a terminal would take for
            commands, or bytes that are no text.
    """
    if len(text) > LONGEST_TEXT:
        raise ConfigurationError(
            f"a note has {LONGEST_TEXT} characters at most, and this one {len(text)}"
        )
    # Lone surrogates stand for bytes that are no UTF-8, and no store holds them.
    strange = next((c for c in text if not (c.isprintable() or c in "\n\t")), None)
    if strange is not None:
        raise ConfigurationError(f"a note can't have the character {strange!r}")


def check_tag(tag: str) -> None:
    """Check a tag, which has the form of a name.

    Raises:
        ConfigurationError: it has another form.
    """
    if not NAME_FORM.fullmatch(tag):
        raise ConfigurationError(f"{tag[:80]!r} can't be a tag: {NAME_RULE}")
