"""Models of submitting a search, and the fields of its form."""

import shlex
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, JsonValue
from pydantic.fields import FieldInfo

from alignsearch.dashboards.models.base import Model, WithoutEmptyFields
from alignsearch.dashboards.models.searches import Space
from alignsearch.search.documents import RecipeChoices
from alignsearch.search.documents.choices import OneOf, one_of
from alignsearch.search.trackers.table import TRACKERS
from alignsearch.search.use_cases.defined import known_names
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.distributions import Value

MAIN = ("space", "dataset", "epochs", "trials", "parallel")
"""Fields that the form shows at once; the others are folded."""
SECTIONS = {
    "Name and note": ("name", "note", "tag"),
    "Notices and other tools": ("notify", *TRACKERS),
    "Space": ("fix", "range", "prior"),
    "Training": tuple(name for name in RecipeChoices.model_fields if name not in MAIN),
    "Metrics": ("metric", "constraint"),
    "Suggestions": ("algo", "startup", "pending", "generation", "seed", "warm_start"),
    "Pruning": ("pruner", "grace", "reduction", "pruned_as"),
    "End": ("until", "timeout", "stop_at", "patience", "max_failures", "confirm", "top", "seeds"),
    "Slots and workers": (
        *("resources", "allow_gpu_fraction", "own_process", "priority", "max_attempts"),
        *("checkpoints", "keep_checkpoints", "lease", "stalled_after"),
    ),
}
"""Headings of the folded fields."""


class SubmitRequest(WithoutEmptyFields, Submission):
    """A new search: fields of `Submission`; a field that is null or empty has its default.

    Its space is one of the named definitions. An address of a module or a file would let a browser
    choose which code of this host is imported.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"space": "ia", "trials": 300}]})

    space: Annotated[str, OneOf("definition on this dashboard", known_names, listed=False)] = Field(
        description="Definition of the search, by its name. `alignsearch submit` also takes those "
        "of modules and files."
    )


class SubmitField(Model):
    """A field of the form for a new search.

    The `section` is the heading under which it is folded; empty for one that is always shown. The
    `help` is the command line's help text. The default of a list is one text, with semicolons
    between its entries, as the form takes it.
    """

    name: str
    label: str
    section: str
    kind: Literal["integer", "number", "text", "choice"]
    options: list[str] | None
    required: bool
    default: Value
    help: str


class SubmitForm(Model):
    """The form for a new search: its fields, and the named definitions that can be chosen."""

    spaces: list[Space]
    fields: list[SubmitField]
    defaults: dict[str, Value]


class Checked(Model):
    """A submission that would be accepted, and the search as it would be stored.

    The `command` submits the same from a shell.
    """

    ok: Literal[True]
    command: str
    search: dict[str, JsonValue]


class Submitted(Model):
    """The new search's name and the address of its page."""

    name: str
    href: str


def submit_fields() -> list[SubmitField]:
    """Return the form's fields, the main ones first, then those of each section."""
    fields = SubmitRequest.model_fields
    places = dict.fromkeys(MAIN, "")
    places |= {name: title for title, names in SECTIONS.items() for name in names}
    # A field that no section has yet stands at the end.
    places |= {name: "More" for name in fields if name not in places}
    return [_submit_field(name, fields[name], section) for name, section in places.items()]


def command_of(asked: Submission) -> str:
    """Return the command that submits the same, without the options that have their defaults."""
    parts = ["alignsearch", "submit", asked.space]
    for name, field in type(asked).model_fields.items():
        value = getattr(asked, name)
        if name == "space" or value is None or value == field.default:
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parts.append(option if value else option.replace("--", "--no-", 1))
            continue
        for each in value if isinstance(value, tuple) else (value,):
            parts += [option, str(each)]
    return shlex.join(parts)


def _submit_field(name: str, field: FieldInfo, section: str) -> SubmitField:
    names = one_of(field)
    required = field.is_required()
    options = None if names is None else list(names.known())
    default = field.default
    if field.annotation is bool:
        options = ["false", "true"]
    elif isinstance(default, tuple):
        default = "; ".join(default)
    return SubmitField(
        name=name,
        label=name.replace("_", " "),
        section=section,
        kind=_kind(field.annotation) if options is None else "choice",
        options=options,
        required=required,
        default=None if required else default,
        help=field.description or "",
    )


def _kind(annotation: Any) -> Literal["integer", "number", "text"]:
    types = {annotation, *get_args(annotation)}
    if int in types:
        return "integer"
    return "number" if float in types else "text"
