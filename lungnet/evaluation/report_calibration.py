"""What calibration did, in the report: each method before and after, side by side."""

from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.report_results import image
from lungnet.evaluation.tables import estimate_text

#: Method of calibration -> what the report calls it.
CALIBRATION_NAMES = {
    "none": "none (before)",
    "platt": "Platt's scaling",
    "temperature": "temperature",
    "isotonic": "isotonic",
}


def calibrations(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    """Returns the first row under every calibration, and all rows before and after theirs; "" if unknown."""
    known = {key: row for key, row in metrics["rows"].items() if row["calibrations"] is not None}
    if not known:
        return ""
    first = next(iter(known.values()))
    parts = ["### Calibrations side by side", _methods(first), _verdict(first)]
    if "calibrations" in figures:
        parts.append(image("calibrations", f"Reliability of {first['name']} under each calibration"))
    if len(known) > 1:
        head = (
            "Model",
            "Calibration",
            "ECE before",
            "after",
            "Brier score before",
            "after",
            "Log loss before",
            "after",
        )
        body = [(row["name"], *_before_and_after(row["calibrations"])) for row in known.values()]
        parts += ["All rows before and after their calibration:", markdown_table(head, body)]
    return "\n\n".join(parts)


def _methods(row: Mapping[str, Any]) -> str:
    head = ("Calibration", "ECE", "Brier score", "Log loss", "Log loss on inner validation")
    body = []
    for method, name in CALIBRATION_NAMES.items():
        one = row["calibrations"]["methods"][method]
        shown = f"**{name}**, used" if method == row["calibrations"]["used"] else name
        held = one["validation_log_loss"]
        body.append(
            (
                shown,
                f"{one['ece']:.3f}",
                estimate_text(one["brier"]),
                estimate_text(one["log_loss"]),
                NOTHING if held is None else f"{held:.3f}",
            )
        )
    return f"{row['name']}, on the evaluation set:\n\n{markdown_table(head, body)}"


def _verdict(row: Mapping[str, Any]) -> str:
    found = row["calibrations"]
    least = min(found["methods"], key=lambda method: found["methods"][method]["log_loss"]["value"])
    text = (
        f"Each was fitted on the logits of {found['validation_patches']:,} inner-validation patches, none on "
        "the evaluation set. Log loss on inner validation is cross-validated there: each fifth under a "
        "calibration fitted on the others. "
    )
    if found["best_on_validation"] is None:
        text += "Inner validation has too few patches of a class for that. "
    else:
        text += f"By it one would choose: {CALIBRATION_NAMES[found['best_on_validation']]}. "
    return (
        f"{text}Least log loss on the evaluation set, where nothing was chosen: {CALIBRATION_NAMES[least]}."
    )


def _before_and_after(found: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = found["methods"]["none"], found["methods"][found["used"]]
    errors = (f"{before['ece']:.3f}", f"{after['ece']:.3f}")
    measures = (f"{one[name]['value']:.3f}" for name in ("brier", "log_loss") for one in (before, after))
    return (CALIBRATION_NAMES[found["used"]], *errors, *measures)
