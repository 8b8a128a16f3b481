"""Options of a new search that name the tools in which its trials appear as runs."""

from pydantic import Field, ValidationInfo, field_validator

from alignsearch.search.documents import Document
from alignsearch.search.documents.tracked import LONGEST_PLACE, Tracked
from alignsearch.search.trackers.table import TRACKERS, check_installed
from alignsearch.search.use_cases.refusals import checked


class TrackerChoices(Document):
    """The tracking tools of a new search, each by its place: the fields are the rows of a table."""

    tensorboard: str | None = Field(
        default=None,
        max_length=LONGEST_PLACE,
        description="Folder for TensorBoard's event files, in which each trial is a run, with its "
        "hyperparameters.",
    )
    mlflow: str | None = Field(
        default=None,
        max_length=LONGEST_PLACE,
        description="Tracking URI of MLflow, the address of its server or sqlite:///mlflow.db: the "
        "search is an experiment, and each trial a run.",
    )
    wandb: str | None = Field(
        default=None,
        max_length=LONGEST_PLACE,
        description="Project of Weights & Biases, like PROJECT or TEAM/PROJECT: each trial that "
        "has ended is a run.",
    )

    @field_validator(*TRACKERS)
    @classmethod
    def _is_a_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        tool = info.field_name or ""
        if value is None:
            return None

        def check(given: str) -> str:
            place = TRACKERS[tool].check(given)
            check_installed(tool, place)
            return place

        return checked(check, value, option=f"--{tool}")

    @property
    def trackers(self) -> dict[str, Tracked]:
        """The tools with their places."""
        places = {tool: getattr(self, tool) for tool in TRACKERS}
        return {tool: Tracked(place=place) for tool, place in places.items() if place is not None}
