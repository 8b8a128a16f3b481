"""Models of submitting a search, and the fields of its form."""

from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, JsonValue
from pydantic.fields import FieldInfo

from alignsearch.dashboards.models.base import Model, WithoutEmptyFields
from alignsearch.dashboards.models.searches import Space
from alignsearch.search.documents.choices import OneOf, one_of
from alignsearch.search.use_cases.defined import known_names
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.distributions import Value


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

    The `help` is the command line's help text. The default of a list is one text, with semicolons
    between its entries, as the form takes it.
    """

    name: str
    label: str
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
    """A submission that would be accepted, and the search as it would be stored."""

    ok: Literal[True]
    search: dict[str, JsonValue]


class Submitted(Model):
    """The new search's name and the address of its page."""

    name: str
    href: str


def submit_fields() -> list[SubmitField]:
    """Return the form's fields, made from those of `SubmitRequest` in their order."""
    return [_submit_field(name, field) for name, field in SubmitRequest.model_fields.items()]


def _submit_field(name: str, field: FieldInfo) -> SubmitField:
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
