"""What a FROC report becomes outside: a table, a CSV of its curve, JSON."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from lungnet.ct import Candidate
from lungnet.errors import InputError
from lungnet.evaluation import froc, froc_table, write_froc_curve


@pytest.fixture
def report():
    """Two scans, one nodule each; the false candidate stands above both hits: 1/2 per scan, then all."""
    nodules = [Candidate(uid, (0.0, 0.0, 0.0), diameter_mm=6.0) for uid in ("1.2", "1.3")]
    marks = [Candidate("1.2", (50.0, 0.0, 0.0), 0.9), Candidate("1.3", (0.0, 0.0, 0.0), 1 / 3)]
    marks.append(Candidate("1.2", (1.0, 0.0, 0.0), 0.25))
    return froc(marks, nodules, ["1.2", "1.3"], excluded_note="None.", resamples=200)


def test_the_table_has_the_seven_points_their_mean_and_what_the_intervals_are(report):
    file = io.StringIO()
    Console(width=100, file=file).print(froc_table(report))
    text = file.getvalue()
    lines = [line.split() for line in text.splitlines()]
    assert "2 scans with 2 nodules" in text
    assert ["1/8", "0.000"] in [line[:2] for line in lines]
    assert ["1/4", "0.000"] in [line[:2] for line in lines]
    assert [line[1] for line in lines if line[:1] in (["1/2"], ["1"], ["2"], ["4"], ["8"])] == ["1.000"] * 5
    assert [line[-1] for line in lines if line[:1] == ["1/8"]] == ["–"]  # no threshold keeps below 1/8
    assert [line[4:6] for line in lines if line[:1] == ["Mean"]] == [["(CPM)", "0.714"]]
    assert "unreliable" in text


def test_the_curve_is_read_back_as_it_is(report, tmp_path):
    write_froc_curve(tmp_path / "curve.csv", report)
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text("utf-8").splitlines()))
    for name, values in (
        ("false_positives_per_scan", report.curve.false_positives_per_scan),
        ("sensitivity", report.curve.sensitivity),
        ("threshold", report.curve.thresholds),
    ):
        assert [float(row[name]) for row in rows] == values.tolist()
    assert [float(row["threshold"]) for row in rows] == [np.inf, 0.9, 0.25]


def test_a_curve_that_cannot_be_written(report, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_froc_curve(tmp_path / "taken", report)


def test_json_holds_no_nan_and_says_what_was_excluded(report):
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert plain["excluded_note"] == "None."
    assert plain["cpm"]["value"] == pytest.approx(5 / 7)
    assert [point["threshold"] for point in plain["operating_points"]] == [None, None] + [0.25] * 5
    assert plain["operating_points"][2]["sensitivity"]["value"] == 1.0


def test_evaluating_needs_neither_figures_nor_training_code():
    code = (
        "import sys; from lungnet.evaluation import froc, froc_table; "
        "sys.exit(str({'matplotlib', 'sklearn', 'tensorflow', 'rich'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
