"""Options of the command line made from the fields of a pydantic model."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from alignsearch.search.documents.choices import one_of


def with_options_of(
    model: type[BaseModel], refusal: Callable[[ValidationError], Exception]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command, whose first parameter takes a `model`, its options.

    Each field becomes an option with the field's default and description; a field without a default
    becomes an argument. The command's own parameters follow. `refusal` turns what pydantic finds
    wrong into the error that is raised.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name])
            for each in list(inspect.signature(command).parameters.values())[1:]
        ]
        made = [_parameter(name, field) for name, field in model.model_fields.items()]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in model.model_fields if name in given}
            command(_validated(model, values, refusal), **given)

        run.__signature__ = inspect.Signature([*made, *own])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*made, *own)}
        return run

    return decorate


def _validated(
    model: type[BaseModel],
    values: Mapping[str, Any],
    refusal: Callable[[ValidationError], Exception],
) -> BaseModel:
    try:
        return model(**values)
    except ValidationError as error:
        raise refusal(error) from error


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    names = one_of(field)
    listed = None if names is None or not names.listed else list(names.known())
    text = field.description or ""
    if field.is_required():
        # An argument's metavar would take the place of its name in messages.
        also = f" Known: {', '.join(listed)}." if listed else ""
        option = typer.Argument(help=text + also, show_default=False)
    else:
        option = typer.Option(help=text, metavar=f"[{'|'.join(listed)}]" if listed else None)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.is_required() else field.default,
        annotation=Annotated[_plain(field.annotation), option],
    )


def _plain(annotation: Any) -> Any:
    """The type that typer parses: text for a list of names, because the model checks names."""
    if get_origin(annotation) is tuple:
        # An option that may be repeated.
        return list[get_args(annotation)[0]]  # type: ignore[misc]
    return str if get_origin(annotation) is Literal and get_args(annotation) else annotation
