"""Where the model comes from, in words: what the evaluation took, or all that led to it."""

from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.report_results import image

_DIGITS = 16


def lineage(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    """Returns the section on artifacts and software; empty where neither is known."""
    known, software = metrics["lineage"], metrics["software"]
    artifacts = known.get("artifacts", [])
    if not (artifacts or software):
        return ""
    parts = ["## Lineage"]
    if known.get("model"):
        parts.append(
            f"The model is `{known['model']}` of its pipeline root; `lungnet lineage` prints what led to "
            f"it, and `lungnet report --output` writes this report with all of it."
        )
    if "lineage" in figures:
        parts.append(image("lineage", "What led to this evaluation, from the data on"))
    if artifacts:
        body = [
            (
                one["type"],
                f"`{one['uri']}`",
                one.get("created") or NOTHING,
                f"`{one['sha256'][:_DIGITS]}`" if one["sha256"] else NOTHING,
            )
            for one in artifacts
        ]
        whole = known.get("whole", False)
        parts += [
            "Everything that led to this evaluation, the newest first:"
            if whole
            else "What the evaluation took:",
            markdown_table(("Artifact", "Where", "When, UTC", "SHA-256"), body),
        ]
    if known.get("series"):
        parts.append(f"It goes back to {known['series']:,} CT series.")
    if software:
        names = ", ".join(f"{name} {version}" for name, version in software.items())
        parts.append(f"Made with {names}.")
    return "\n\n".join(parts)
