"""TypeScript types of the HTTP API, made from its OpenAPI description, for `make check-js`.

    python tests/javascript/api_types.py

writes them into `api.d.ts` beside this file. A test fails while that file is out of date.
"""

import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("api.d.ts")
HEAD = """// Types of the HTTP API, generated from its OpenAPI description: `make api-types`.

declare namespace Api {
"""
NAMES: dict[str | None, str] = {
    "null": "null",
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
}


def described() -> dict[str, Any]:
    """The API's OpenAPI description."""
    from alignsearch.dashboards.web.app import Options, create_app
    from alignsearch.dashboards.web.context import Submitter

    # No request is made, so there is no store and nobody who submits.
    nothing: Any = None
    submitter = Submitter(prepare=nothing, with_earlier=nothing, create=nothing)
    return create_app(nothing, submitter, Options(loopback=True, person="")).openapi()


def declarations(description: dict[str, Any]) -> str:
    """The description's schemas as one namespace."""
    schemas = description["components"]["schemas"]
    return HEAD + "".join(_declared(name, schemas[name]) for name in sorted(schemas)) + "}\n"


def _declared(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"  type {_plain(name)} = {type_of(schema)};\n"
    required = set(schema.get("required", ()))
    fields = "".join(
        f"    {field}{'' if field in required else '?'}: {type_of(each)};\n"
        for field, each in schema["properties"].items()
    )
    return f"  interface {_plain(name)} {{\n{fields}  }}\n"


def type_of(schema: dict[str, Any]) -> str:
    """A schema as a TypeScript type."""
    if "$ref" in schema:
        return _plain(schema["$ref"].rpartition("/")[2])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " | ".join(dict.fromkeys(type_of(each) for each in choices))
    constants = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    if constants:
        return " | ".join(_literal(value) for value in constants)
    if schema.get("type") == "array":
        items = type_of(schema.get("items", {}))
        return f"({items})[]" if " " in items else f"{items}[]"
    return (
        _record(schema) if schema.get("type") == "object" else NAMES.get(schema.get("type"), "any")
    )


def _record(schema: dict[str, Any]) -> str:
    values = schema.get("additionalProperties")
    if not isinstance(values, dict):
        return "Record<string, any>"
    keys = type_of(schema.get("propertyNames", {"type": "string"}))
    return f"Record<{keys}, {type_of(values)}>"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _plain(name: str) -> str:
    return name.replace("-", "")


if __name__ == "__main__":
    FILE.write_text(declarations(described()))
    sys.stdout.write(f"{FILE}\n")
