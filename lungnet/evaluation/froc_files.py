"""The FROC curve as a file that a spreadsheet can read."""

import csv
import io
import os

from lungnet.evaluation.froc_report import FrocReport
from lungnet.files import write_text

_COLUMNS = ("false_positives_per_scan", "sensitivity", "threshold")


def write_froc_curve(path: str | os.PathLike[str], report: FrocReport) -> None:
    """Writes the corners of the curve as CSV, atomically.

    The columns are those of LUNA16's `froc_*.txt`: false positives per scan, sensitivity and threshold,
    here with a heading. The first corner is (0, 0), at an infinite threshold. Numbers are written so that
    reading gives the same ones.

    Args:
        path: of the CSV, replaced if it is there.
        report: of `froc`.

    Raises:
        InputError: the file cannot be written.
    """
    curve = report.curve
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    columns = curve.false_positives_per_scan, curve.sensitivity, curve.thresholds
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    write_text(path, table.getvalue())
