"""The note and the tags of a new search, as people choose them."""

from collections.abc import Callable

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Document
from alignsearch.search.documents.marks import MOST_TAGS, check_note, check_tag
from alignsearch.search.use_cases.refusals import WRONG


class MarkChoices(Document):
    """Note and tags, by which people know a new search again."""

    note: str = Field(
        default="",
        description="Text that tells people what the search is for; `alignsearch note` changes it.",
    )
    tag: tuple[str, ...] = Field(
        default=(),
        max_length=MOST_TAGS,
        description="Word to find the search by, as `alignsearch status --tag WORD` does; may be "
        "repeated.",
    )

    @field_validator("note")
    @classmethod
    def _is_a_note(cls, value: str) -> str:
        return _checked(check_note, value)

    @field_validator("tag")
    @classmethod
    def _are_tags(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({_checked(check_tag, each) for each in value}))


def _checked(check: Callable[[str], None], value: str) -> str:
    """Return the value; what `check` has against it becomes pydantic's error."""
    try:
        check(value)
    except ConfigurationError as error:
        raise PydanticCustomError(WRONG, "can't be used: {why}", {"why": str(error)}) from error
    return value
