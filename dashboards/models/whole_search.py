"""Models of verbs on a search as a whole: name, note, tags, deletion, its best for longer."""

from typing import Annotated

from pydantic import ConfigDict, Field

from alignsearch.dashboards.models.base import LARGEST_NUMBER, LONGEST_NAME, Model
from alignsearch.search.documents.limits import LARGEST, LONGEST_TEXT
from alignsearch.search.documents.marks import MOST_TAGS
from alignsearch.search.use_cases.next_steps import EPOCHS, MOST_SEEDS, SEEDS

Tags = Annotated[list[Annotated[str, Field(max_length=LONGEST_NAME)]], Field(max_length=MOST_TAGS)]


class RenameRequest(Model):
    """The new name of a search."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ia-final"}]})

    name: str = Field(max_length=LONGEST_NAME)


class NoteRequest(Model):
    """The new note of a search; empty for none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "with the new data"}]})

    note: str = Field(max_length=LONGEST_TEXT)


class TagRequest(Model):
    """Tags to add to a search, and tags to remove from it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"add": ["baseline"]}]})

    add: Tags = Field(default_factory=list)
    remove: Tags = Field(default_factory=list)


class LongerRequest(Model):
    """A trial to be trained for longer, the best one by default, under so many seeds from 0 on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"epochs": 100, "seeds": 5}]})

    tid: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    epochs: int = Field(default=EPOCHS, ge=1, le=LARGEST)
    seeds: int = Field(default=SEEDS, ge=1, le=MOST_SEEDS)


class Deleted(Model):
    """A deletion: a message for people, and why checkpoints stay, empty if none do."""

    message: str
    left: str
