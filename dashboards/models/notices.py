"""Models of notices: the end of a search, and its troubles."""

from alignsearch.dashboards.models.base import Model
from alignsearch.search.use_cases.due_notices import Kind


class Notice(Model):
    """A notice of a search.

    Attributes:
        id: the same as in the notice that the search's webhook gets.
        text: one line for people.
    """

    id: str
    kind: Kind
    search: str
    text: str


class Notices(Model):
    """The notices that are due now: ends of the last day, and troubles that go on."""

    notices: list[Notice]
