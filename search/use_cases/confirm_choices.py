"""Options of a new search that is confirmed: its best trials are repeated on fresh seeds."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from alignsearch.search.documents import Confirmation, Document
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.use_cases.confirming import USUAL, confirmation
from alignsearch.search.use_cases.refusals import WRONG


class ConfirmChoices(Document):
    """The confirmation of a new search: its best trials are repeated before one is named."""

    confirm: bool = Field(
        default=False,
        description="Repeat the best trials on fresh seeds at the end, and name the best one by "
        "its mean, as `alignsearch confirm` does.",
    )
    top: int | None = Field(
        default=None,
        ge=1,
        le=MOST_REPEATED,
        description="Number of the best trials that --confirm repeats. Default: "
        f"{USUAL.top}, or all if there are fewer.",
    )
    seeds: int | None = Field(
        default=None,
        ge=1,
        le=MOST_REPEATED,
        description="Largest number of repetitions of each under --confirm. Default: "
        f"{USUAL.seeds}, for at most a tenth of the search's cost.",
    )

    @field_validator("top", "seeds")
    @classmethod
    def _is_of_use_to_a_confirmation(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None or "confirm" not in info.data:
            return value
        if not info.data["confirm"]:
            raise PydanticCustomError(WRONG, "has no use without --confirm")
        trials = info.data.get("trials")
        if info.field_name == "top" and trials is not None and value > trials:
            raise PydanticCustomError(
                WRONG,
                "must be at most {trials}, the number of trials, not {value}",
                {"trials": trials, "value": value},
            )
        return value

    def confirmation_of(self, trials: int) -> Confirmation | None:
        """Return how the best of so many trials are repeated; None if they are not."""
        if not self.confirm:
            return None
        asked = confirmation(self.top, self.seeds)
        return asked.model_copy(update={"top": min(asked.top, trials)})
