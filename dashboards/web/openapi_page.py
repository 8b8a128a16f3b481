"""The OpenAPI description, prepared for the page /docs, which needs no foreign script."""

import json
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


def operations_of(description: dict[str, Any]) -> list[dict[str, Any]]:
    """All operations: method, path, texts, parameters, body and responses."""
    return [
        _operation(method, path, operations[method])
        for path, operations in description["paths"].items()
        for method in _METHODS
        if method in operations
    ]


def schemas_of(description: dict[str, Any]) -> list[tuple[str, str]]:
    """All named schemas as indented JSON."""
    schemas = description.get("components", {}).get("schemas", {})
    return [(name, json.dumps(schema, indent=2)) for name, schema in sorted(schemas.items())]


def _operation(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": [
            {
                "name": each["name"],
                "in": each["in"],
                "required": each.get("required", False),
                "type": type_of(each.get("schema", {})),
                "description": each.get("description", each["schema"].get("description", "")),
            }
            for each in operation.get("parameters", ())
        ],
        "body": None if body is None else json.dumps(body["schema"], indent=2),
        "responses": [
            {"status": status, "description": _description_of(response)}
            for status, response in operation.get("responses", {}).items()
        ],
    }


def _description_of(response: dict[str, Any]) -> str:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    words: str = response.get("description", "")
    return f"{words}: {type_of(schema)}" if schema else words


def type_of(schema: dict[str, Any]) -> str:
    """Describe a schema: `integer, at least 1`, `list of string`, or a named schema's name."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(type_of(each) for each in schema[several])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    limits = [
        f"{words} {schema[key]}"
        for key, words in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("maxLength", "length at most"),
        )
        if key in schema
    ]
    return ", ".join([kind, *limits])
