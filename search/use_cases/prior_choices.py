"""Option of a new search that says where good configurations are expected."""

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from alignsearch.search.documents import NAME_FORM, Document
from alignsearch.search.documents.limits import LONGEST_TEXT
from alignsearch.search.use_cases.refusals import WRONG

OF_TABLE5, NO_PRIOR, OF_SEARCH = "table5", "none", "search:"


class PriorChoices(Document):
    """The prior of a new search, in place of its definition's."""

    prior: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Prior, where good configurations are expected: table5 (around the published "
        "ones of the paper's search), search:NAME (around the best of another search), or none. "
        "Default: the definition's own, if it has one.",
    )

    @field_validator("prior")
    @classmethod
    def _is_a_prior(cls, value: str | None) -> str | None:
        named = value is not None and value.startswith(OF_SEARCH)
        if value in (None, OF_TABLE5, NO_PRIOR) or (named and NAME_FORM.fullmatch(value[7:])):
            return value
        raise PydanticCustomError(
            WRONG,
            "{value} is no prior: write table5, none, or search:NAME with another search's name; "
            "distributions of your own stand in a definition (docs/your-own-search.md)",
            {"value": repr(value)},
        )

    @property
    def prior_search(self) -> str | None:
        """Name of the search whose best trials are the prior; None for another prior."""
        if self.prior is None or not self.prior.startswith(OF_SEARCH):
            return None
        return self.prior.removeprefix(OF_SEARCH)
