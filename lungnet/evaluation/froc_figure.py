"""The FROC curve as LUNA16 shows it: 1/8 to 8 false positives per scan on a logarithmic axis."""

import os

import numpy as np

from lungnet.evaluation.canvas import LIGHT, STROKES, drawn
from lungnet.evaluation.froc_report import OPERATING_RATES, FrocReport


def draw_froc(path: str | os.PathLike[str], report: FrocReport, name: str = "") -> None:
    """Draws the curve, its operating points, and the bootstrap's interval as a band.

    Args:
        path: of the PNG, written atomically.
        report: of `froc`.
        name: of the detector, for the title.
    """
    color = STROKES["gan_cae_calm"].color
    curve, band = report.curve, report.band
    # Between corners the curve is straight on a linear axis: it needs points in between on this one.
    rates = np.geomspace(OPERATING_RATES[0], OPERATING_RATES[-1], 600)
    rates = np.union1d(rates, OPERATING_RATES)
    with drawn(path, 6.0, 4.4) as (_, (axis,)):
        if np.isfinite(band.low).all():
            axis.fill_between(
                band.false_positives_per_scan,
                band.low,
                band.high,
                color=color,
                alpha=0.18,
                linewidth=0,
                label=f"{100 * report.confidence:g} % interval over scans",
            )
        sensitivity = np.interp(rates, curve.false_positives_per_scan, curve.sensitivity)
        axis.plot(rates, sensitivity, color=color, linewidth=2.0, label=f"CPM {report.cpm.value:.3f}")
        at = [point.sensitivity.value for point in report.operating_points]
        axis.plot(OPERATING_RATES, at, "o", color=color, markersize=5, markeredgecolor="white")
        axis.set_xscale("log", base=2)
        axis.set_xticks(OPERATING_RATES, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        axis.set(xlim=(0.12, 8.35), ylim=(0.0, 1.02))
        axis.set_yticks(np.arange(11) / 10)
        axis.grid(color=LIGHT, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.set_xlabel("False positives per scan")
        axis.set_ylabel("Sensitivity")
        title = f"{report.nodules:,} nodules in {report.scans:,} scans"
        axis.set_title(f"{name}, {title}" if name else title)
        axis.legend(loc="lower right")
