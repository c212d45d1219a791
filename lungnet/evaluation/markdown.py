"""Plain data as Markdown."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: What stands in a cell that has no value.
NOTHING = "–"


def markdown_table(head: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> str:
    """Returns a Markdown table whose columns line up in plain text too."""
    widths = [max(3, *(len(line[k]) for line in (head, *body))) for k in range(len(head))]

    def written(line: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([written(head), rule, *(written(line) for line in body)])


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested objects as one, with dotted keys."""
    joined: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            joined.update(flat(value, f"{prefix}{key}."))
        else:
            joined[f"{prefix}{key}"] = value
    return joined


def literal(value: Any) -> str:
    """Returns a value as a reader expects it in a cell; a dash for None."""
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value)
    return number(value)


def number(value: float) -> str:
    """Returns a number with thousands apart."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def words(key: str) -> str:
    """Returns a key as a heading: `slice_thickness` becomes "Slice thickness"."""
    return key.replace("_", " ").replace(".", " ").capitalize()
