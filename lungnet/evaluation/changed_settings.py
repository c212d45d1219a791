"""What a run's configuration changes of the paper's numbers."""

from collections.abc import Mapping
from typing import Any

from lungnet.config import Config
from lungnet.evaluation.markdown import NOTHING, flat, literal, markdown_table


def changed_settings(config: Mapping[str, Any]) -> str:
    """Returns a Markdown table of the settings that differ from the defaults, with what to know of it.

    Args:
        config: the whole configuration or a part of it, as `Config.model_dump(mode="json")` gives it.
    """
    here, paper = flat(config), flat(Config().model_dump(mode="json"))
    changed = [
        (f"`{key}`", literal(value), literal(paper[key]) if key in paper else NOTHING)
        for key, value in here.items()
        if key not in paper or paper[key] != value
    ]
    if not changed:
        return "All values are the defaults, which are the paper's numbers."
    table = markdown_table(("Key", "Here", "Default"), changed)
    return f"What differs from the defaults, which are the paper's numbers:\n\n{table}"
