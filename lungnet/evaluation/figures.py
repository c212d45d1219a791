"""The paper's Figures 4, 5 and 6, reliability, and precision against recall."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lungnet.evaluation.calibration import ReliabilityBin
from lungnet.evaluation.canvas import GREY, LIGHT, OTHER_STROKE, STROKES, Stroke, drawn
from lungnet.evaluation.roc import PrecisionRecallCurve, RocCurve


class RocLine(NamedTuple):
    """One line of Figure 6.

    Attributes:
        row: key of Table 1, which decides the stroke.
        name: for the legend.
        curve: its corners.
        auc: for the legend.
        operating_point: (false positive rate, true positive rate) at the threshold, drawn as a dot.
    """

    row: str
    name: str
    curve: RocCurve
    auc: float
    operating_point: tuple[float, float]


def draw_variance(
    path: str | os.PathLike[str], variance: Sequence[float], kept_iteration: int | None = None
) -> None:
    """Figure 4: intra-cluster variance against the iterations of CALM.

    Args:
        path: of the PNG.
        variance: mean squared Euclidean distance to the cluster's mean, one value an iteration.
        kept_iteration: from 1, marked by a line.
    """
    with drawn(path, 6.0, 3.6) as (_, (axis,)):
        _curve(axis, variance, "-", STROKES["gan_cae_calm"].color, None)
        axis.set_ylabel("Intra-cluster variance")
        _finish(axis, kept_iteration)


#: Colour and dashes of the lines of variants, in their order.
_VARIANTS = (
    Stroke("#D55E00", "-", 1.0),
    Stroke("#E69F00", (0, (4, 1.5)), 1.0),
    Stroke("#CC79A7", (0, (1, 1)), 1.2),
    Stroke("#56B4E9", (0, (6, 1.5, 1, 1.5)), 1.2),
    Stroke("#009E73", (0, (3, 1)), 1.2),
    Stroke("#0072B2", "-", 1.8),
)


def draw_variances(
    path: str | os.PathLike[str], panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]
) -> None:
    """Figure 4 for several variants of CALM, a panel a kind of features and a line a training.

    The axis does not begin at 0: differences between variants are what the figure is for.

    Args:
        path: of the PNG.
        panels: title -> name of the variant, up to six -> variance by iteration of each training, as a
            share of the variance that the features have without clusters.
    """
    strokes: dict[str, Any] = {}
    for variants in panels.values():
        for name in variants:
            strokes.setdefault(name, _VARIANTS[len(strokes) % len(_VARIANTS)])
    with drawn(path, 5.2 * len(panels), 4.2, columns=len(panels)) as (figure, axes):
        for axis, (title, variants) in zip(axes, panels.items(), strict=True):
            for name, trainings in variants.items():
                color, dashes, width = strokes[name]
                for values in trainings:
                    iterations = np.arange(1, len(values) + 1)
                    axis.plot(iterations, values, color=color, linestyle=dashes, linewidth=width)
                    axis.plot(iterations[-1], values[-1], "o", color=color, markersize=3)
            axis.set(title=title, xlabel="Iteration")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axis.grid(axis="y", color=LIGHT, linewidth=0.6)
            axis.set_axisbelow(True)
        axes[0].set_ylabel("Intra-cluster variance, of all variance")
        handles = [
            Line2D([], [], color=stroke.color, linestyle=stroke.dashes, linewidth=stroke.width, label=name)
            for name, stroke in strokes.items()
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=3.0, fontsize=9)


def draw_losses(
    path: str | os.PathLike[str], losses: Mapping[str, Sequence[float]], kept_iteration: int | None = None
) -> None:
    """Figure 5: loss against the iterations of CALM.

    Args:
        path: of the PNG.
        losses: name for the legend ("training", "validation", "testing") -> one value an iteration.
        kept_iteration: from 1, marked by a line.
    """
    strokes = (("#0072B2", "-"), ("#D55E00", (0, (6, 1.5))), ("#000000", (0, (1, 1))))
    with drawn(path, 6.0, 3.6) as (_, (axis,)):
        for (name, values), (color, dashes) in zip(losses.items(), strokes, strict=False):
            _curve(axis, values, dashes, color, name)
        axis.set_ylabel("Loss")
        _finish(axis, kept_iteration)
        axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(losses), borderaxespad=0.2)


def draw_roc(path: str | os.PathLike[str], lines: Sequence[RocLine]) -> None:
    """Figure 6: ROC of all rows, whole and its upper left corner."""
    with drawn(path, 10.0, 5.2, columns=2) as (_, (whole, corner)):
        for axis in (whole, corner):
            axis.plot([0, 1], [0, 1], color=LIGHT, linewidth=1.0)
            for line in reversed(lines):
                color, dashes, width = STROKES.get(line.row, OTHER_STROKE)
                rates = line.curve.false_positive_rate, line.curve.true_positive_rate
                axis.plot(*rates, color=color, linestyle=dashes, linewidth=width)
                axis.plot(*line.operating_point, "o", color=color, markersize=5, markeredgecolor="white")
            axis.set_xlabel("False positive rate (1 - specificity)")
            axis.set_ylabel("True positive rate (recall)")
            axis.set_aspect("equal")
        for line in lines:
            color, dashes, width = STROKES.get(line.row, OTHER_STROKE)
            label = f"{line.name}   AUC {line.auc:.3f}"
            whole.plot([], [], color=color, linestyle=dashes, linewidth=width, label=label)
        whole.plot([], [], "o", color=GREY, markeredgecolor="white", markersize=5, label="at its threshold")
        whole.legend(loc="lower right", handlelength=3.0, fontsize=9)
        whole.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        corner.set(xlim=(-0.004, 0.4), ylim=(0.6, 1.004), title="Upper left corner")


def draw_reliability(
    path: str | os.PathLike[str], rows: Mapping[str, tuple[str, Sequence[ReliabilityBin]]], columns: int = 3
) -> None:
    """Observed share of positives against probability, a panel a row; bars show where the patches lie.

    Args:
        path: of the PNG.
        rows: row key -> name and bins.
        columns: of panels, at most.
    """
    columns = min(columns, len(rows))
    lines = -(-len(rows) // columns)
    with drawn(path, 3.1 * columns, 3.2 * lines, lines, columns, sharex=True, sharey=True) as (_, axes):
        for axis, (key, (name, bins)) in zip(axes, rows.items(), strict=False):
            color = STROKES.get(key, OTHER_STROKE).color
            total = sum(each.patches for each in bins)
            centres = [(each.low + each.high) / 2 for each in bins]
            shares = [each.patches / total for each in bins]
            axis.bar(centres, shares, width=0.09, color=LIGHT)
            axis.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
            filled = [each for each in bins if each.patches]
            axis.plot(
                [each.mean_probability for each in filled],
                [each.positive_fraction for each in filled],
                "o-",
                color=color,
                markersize=4,
                linewidth=1.2,
            )
            axis.set(title=name, xlim=(-0.02, 1.02), ylim=(0, 1.02), aspect="equal")
            axis.set(xticks=np.arange(6) / 5, yticks=np.arange(6) / 5)
        for axis in axes[len(rows) :]:
            axis.set_visible(False)
        for index, axis in enumerate(axes[: len(rows)]):
            if index % columns == 0:
                axis.set_ylabel("Share of positives")
            if index >= len(rows) - columns:
                axis.set_xlabel("Probability")
                axis.tick_params(labelbottom=True)


class PrecisionRecallLine(NamedTuple):
    """One line of precision against recall.

    Attributes:
        row: key of Table 1, which decides the stroke.
        name: for the legend.
        curve: precision and recall, by falling threshold.
    """

    row: str
    name: str
    curve: PrecisionRecallCurve


def draw_precision_recall(
    path: str | os.PathLike[str], panels: Mapping[str, tuple[float, Sequence[PrecisionRecallLine]]]
) -> None:
    """Precision against recall, a panel a prevalence; the grey line is what guessing gives.

    Args:
        path: of the PNG.
        panels: title -> prevalence, and the lines at it.
    """
    with drawn(path, 3.6 * len(panels), 4.2, columns=len(panels), sharey=True) as (figure, axes):
        for axis, (title, (share, lines)) in zip(axes, panels.items(), strict=True):
            axis.axhline(share, color=GREY, linewidth=0.8)
            for line in lines:
                color, dashes, width = STROKES.get(line.row, OTHER_STROKE)
                # From the lowest recall to 1 in steps, as average precision counts it.
                axis.step(
                    line.curve.recall,
                    line.curve.precision,
                    where="pre",
                    color=color,
                    linestyle=dashes,
                    linewidth=width,
                    label=line.name,
                )
            axis.set(title=title, xlabel="Recall", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        axes[0].set_ylabel("Precision")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, handlelength=3.0, fontsize=9)


def _curve(axis: Any, values: Sequence[float], dashes: Any, color: str, label: str | None) -> None:
    iterations = np.arange(1, len(values) + 1)
    marker = "o" if len(values) == 1 else None
    axis.plot(iterations, values, color=color, linestyle=dashes, linewidth=1.8, marker=marker, label=label)
    axis.set_xlabel("Iteration")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _finish(axis: Any, kept_iteration: int | None) -> None:
    axis.set_ylim(bottom=0)
    if axis.dataLim.ymax > 0:  # a curve that hardly moves keeps clear of the frame
        axis.set_ylim(top=1.05 * axis.dataLim.ymax)
    axis.grid(axis="y", color=LIGHT, linewidth=0.6)
    axis.set_axisbelow(True)
    if kept_iteration:
        axis.axvline(kept_iteration, color=GREY, linewidth=1.0)
        axis.annotate(
            "kept",
            (kept_iteration, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            color=GREY,
            fontsize=9,
        )
