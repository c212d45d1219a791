"""Where the models looked, in words."""

from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.occlusion import STRIDE_PX, WINDOW_PX
from lungnet.evaluation.report_results import image


def looked(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    """Returns the section on occlusion and Grad-CAM; empty without figures."""
    if "looked" not in figures and "looked_cnn" not in figures:
        return ""
    parts = [
        "## Where the models looked",
        "The worst errors on the left, right answers from the least to the most probable on the right; above "
        "each patch its probability and, after #, its index among the evaluation patches.",
        f"- Occlusion: a square of {WINDOW_PX} x {WINDOW_PX} pixels slides over the patch in steps of "
        f"{STRIDE_PX} and covers what is there with the patch's median. Where the log odds fall, the "
        f"place spoke for the positive class (orange); "
        "where they rise, against it (blue).\n"
        "- Grad-CAM: where the maps of the last convolution speak for the positive class, laid at the "
        "centres of what their cells see. Each sees about half of the patch's width, so it is coarse.\n"
        "- All patches of a figure share one scale.",
        "Both tell on what an answer hangs, not whether it is right, and neither says why.",
    ]
    first = next(iter(metrics["rows"].values()))
    if "looked" in figures:
        parts.append(image("looked", f"Where {first['name']} looked"))
    if "looked_cnn" in figures:
        parts.append(image("looked_cnn", f"Where {metrics['rows']['cnn']['name']} looked"))
    return "\n\n".join(parts)
