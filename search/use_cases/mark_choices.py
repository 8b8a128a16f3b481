"""The note and the tags of a new search, as people choose them."""

from pydantic import Field, field_validator

from alignsearch.search.documents import Document
from alignsearch.search.documents.marks import MOST_TAGS, check_note, check_tag
from alignsearch.search.use_cases.refusals import checked


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
        checked(check_note, value, before="can't be used: ")
        return value

    @field_validator("tag")
    @classmethod
    def _are_tags(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            checked(check_tag, each, before="can't be used: ")
        return tuple(sorted({*value}))
