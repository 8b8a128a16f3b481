"""Names that a text field accepts, as metadata of the field: for checks, help texts and forms."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue

from alignment_core.errors import UnknownNameError


@dataclass(frozen=True)
class OneOf:
    """The names that a field accepts; stored values are not checked against them.

    A store may hold a name that a newer version has written, and reading it must not fail: so
    only a form's or a command's model checks (`check`).

    Attributes:
        kind: the noun that error messages use, like "data set".
        known: returns the names. It is called late, because some tables are slow to import.
        listed: whether the command line's help lists the names; no if that needs such an import,
            or the field's description has them.
        closed: whether no other name is accepted; if it isn't, the names are suggestions.
        addressed: whether the command line also accepts the address of one's own,
            `file.py:name` or `package.module:name`.
    """

    kind: str
    known: Callable[[], Collection[str]]
    listed: bool = True
    closed: bool = True
    addressed: bool = False

    def check(self, name: str) -> None:
        """Raise UnknownNameError if `name` is not one of the known names."""
        known = self.known()
        if self.addressed and ":" in name:
            return
        if self.closed and name not in known:
            raise UnknownNameError(self.kind, name, known)

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = "enum" if self.closed else "examples"
        return {**handler(schema), known: list(self.known())}


def one_of(field: FieldInfo) -> OneOf | None:
    """Return the names that a model's field accepts; None if it is free."""
    return next((each for each in field.metadata if isinstance(each, OneOf)), None)
