"""The augmentation benchmark's numbers as Markdown and as a figure."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from augmentation_arms import ARMS, CURVES, REFERENCES
from augmentation_results import changed, verdict

from lungnet.evaluation.canvas import GREY, LIGHT, drawn
from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.tables import estimate_text, signed_text

#: Arm of the learning curves -> colour, marker and name in the figure.
_LINES = {"translations": ("#000000", "o", "without GAN"), "gan_50": ("#0072B2", "s", "with GAN, 50 %")}


def markdown(told: Mapping[str, Any], figure: str) -> str:
    """Returns the summary.

    Args:
        told: of `augmentation_results.results`.
        figure: where the learning curves are, as a link from the text.
    """
    parts = [
        "# What augmentation is worth",
        f"**{verdict(told)}**",
        data_text(told),
        "## Arms",
        arms_table(told["arms"]),
        "All arms but the first translate patches by up to the margin that they have (section 6), and by up "
        f"to {told['network']['cnn_shift']} pixels more in each batch. Average precision is at the pool's "
        "own share of positives; balanced accuracy is at the threshold frozen on the validation groups. "
        "Brackets are 95 % intervals.",
    ]
    if any(told["gan_contrasts"]):
        parts += ["## What the GAN adds", contrasts_table(told["gan_contrasts"])]
    if told["curves"]:
        parts += [
            "## Learning curves",
            "A share of the training positives, the smaller ones within the larger, and all negatives; "
            "the GAN learns from that share alone.",
            curves_table(told["curves"]),
            f"![AUC against the share of the positives, with and without the GAN]({figure})",
        ]
    return "\n\n".join(parts) + "\n"


def data_text(told: Mapping[str, Any]) -> str:
    """Returns what was trained on what, and what the intervals are."""
    arrays, network = told["arrays"], told["network"]
    held_out = "; ".join(_named(groups) for groups in told["held_out"]) or "none yet"
    lines = [
        f"`{arrays['name']}.npz` (SHA-256 {arrays['sha256'][:12]}): {arrays['patches']:,} patches, of them "
        f"{arrays['positives']:,} positive, in {arrays['groups']} groups. Held out in turn: {held_out}. "
        f"Every network is that of the CNN row, trained for {network['cnn_steps']:,} updates of "
        f"{network['cnn_batch_size']} patches, and keeps its best weights on the validation groups; every "
        f"GAN is trained for {told['gan']['generator_steps']:,} generator updates on the positives of its "
        f"own training split alone. Seeds: {told['seeds']}. "
        f"lungnet {told['lungnet_version']}, {told['date']}."
    ]
    if told["missing"]:
        lines.append(f"**{told['missing']} runs are missing**: these are numbers of those that are there.")
    if told["intervals"]:
        lines.append(told["intervals"]["note"])
    return "\n\n".join(lines)


def arms_table(arms: Mapping[str, Any]) -> str:
    """Returns a line an arm: three measures and the AUC less that of the arms of reference."""
    less = (f"AUC less that of {name}" for name in REFERENCES)
    head = ("Arm", "Runs", "AUC", "Average precision", "Balanced accuracy, %", *less)
    body = [
        (
            arm["title"],
            str(arm["runs"]),
            *_measures(arm, estimate_text),
            *(_against(arm["against"].get(name)) for name in REFERENCES),
        )
        for arm in arms.values()
    ]
    return markdown_table(head, body)


def contrasts_table(contrasts: Sequence[Mapping[str, Any] | None]) -> str:
    """Returns a line a comparison of training with and without synthetic patches."""
    head = ("With", "Without", "AUC", "Average precision", "Balanced accuracy, points", "AUC greater in")
    body = [
        (
            ARMS[one["with"]].title,
            ARMS[one["without"]].title,
            *_measures(one, signed_text),
            f"{one['greater']} of {one['runs']} runs",
        )
        for one in contrasts
        if one is not None
    ]
    return markdown_table(head, body)


def curves_table(curves: Sequence[Mapping[str, Any]]) -> str:
    """Returns a line a share of the positives."""
    head = ("Positives", "Number of each fold", *(f"AUC {_LINES[name][2]}" for name in CURVES), "Difference")
    body = [
        (
            f"{100 * point['share']:g} %",
            ", ".join(map(str, point["positives"])),
            *(estimate_text(point[name]["auc"], digits=4) for name in CURVES),
            changed(point["difference"]),
        )
        for point in curves
    ]
    return markdown_table(head, body)


def draw_learning_curves(path: str | os.PathLike[str], told: Mapping[str, Any]) -> None:
    """AUC against the share of the positives with and without the GAN, and the difference, with intervals."""
    curves = told["curves"]
    with drawn(path, 9.0, 3.8, columns=2) as (_, (level, change)):
        for offset, name in zip((0.985, 1.015), CURVES, strict=True):
            color, marker, label = _LINES[name]
            _interval_line(
                level, curves, [point[name]["auc"] for point in curves], offset, color, marker, label
            )
        differences = [point["difference"]["auc"] for point in curves]
        change.axhline(0.0, color=GREY, linewidth=0.8)
        _interval_line(change, curves, differences, 1.0, *_LINES["gan_50"][:2], None)
        level.set(title="AUC", ylabel="AUC on the held-out groups")
        change.set(title="What the GAN adds", ylabel="Difference of the AUC")
        level.legend(loc="lower right", fontsize=9)
        for axis in (level, change):
            axis.set_xscale("log")
            axis.set_xticks([point["share"] for point in curves])
            axis.set_xticklabels([f"{100 * point['share']:g} %" for point in curves])
            axis.minorticks_off()
            axis.set_xlabel("Share of the training positives")
            axis.grid(axis="y", color=LIGHT, linewidth=0.6)
            axis.set_axisbelow(True)


def _interval_line(
    axis: Any,
    curves: Sequence[Mapping[str, Any]],
    estimates: Sequence[Mapping[str, Any]],
    offset: float,
    color: str,
    marker: str,
    label: str | None,
) -> None:
    shares = [offset * point["share"] for point in curves]
    values = [one["value"] for one in estimates]
    reach = [
        [abs(one["value"] - (one[end] if one[end] is not None else one["value"])) for one in estimates]
        for end in ("low", "high")
    ]
    axis.errorbar(
        shares,
        values,
        yerr=reach,
        color=color,
        marker=marker,
        markersize=5,
        linewidth=1.4,
        elinewidth=1.0,
        capsize=3,
        label=label,
    )


def _measures(one: Mapping[str, Any], text: Any) -> tuple[str, str, str]:
    return (
        text(one["auc"], digits=4),
        text(one["average_precision"], digits=3),
        text(one["balanced_accuracy"], 100.0, 1),
    )


def _against(difference: Mapping[str, Any] | None) -> str:
    return NOTHING if difference is None else changed(difference)


def _named(groups: Sequence[str]) -> str:
    return f"groups {' and '.join(groups)}" if len(groups) < 4 else f"{len(groups)} groups"
