"""Cells and headings of tables for people."""


def heading(field: str) -> str:
    """Return a column's name in words, between which a narrow terminal can break the line."""
    return field.replace("_", " ")


def cell(value: object) -> str:
    """Return a value for people: four digits of a number, nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
