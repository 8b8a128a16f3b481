"""Option of a search that names who is told of its end and of its troubles."""

from pydantic import Field, field_validator

from alignsearch.search.documents import Document
from alignsearch.search.documents.webhook import check_webhook
from alignsearch.search.use_cases.refusals import checked


class NotifyChoices(Document):
    """The webhook of a search."""

    notify: str | None = Field(
        default=None,
        description="Address of a webhook (http or https), to which the driver sends a JSON "
        "notice at the search's end, when most trials diverge, and when it stands still.",
    )

    @field_validator("notify")
    @classmethod
    def _is_a_webhook(cls, value: str | None) -> str | None:
        if value is not None:
            checked(check_webhook, value)
        return value
