"""Figures: that they are files, that settings of the user play no part, and that lines can be told apart."""

import matplotlib
import numpy as np
import pytest

from lungnet.ct import Candidate
from lungnet.evaluation import (
    RocLine,
    draw_froc,
    draw_losses,
    draw_reliability,
    draw_roc,
    draw_variance,
    draw_variances,
    froc,
    reliability,
    roc_curve,
)
from lungnet.evaluation.canvas import STROKES
from lungnet.evaluation.paper import FURTHER_ROW_NAMES, ROW_NAMES


def test_every_row_has_a_stroke_of_its_own():
    assert set(STROKES) == {*ROW_NAMES, *FURTHER_ROW_NAMES}
    assert len({stroke.color for stroke in STROKES.values()}) == len(STROKES)
    # In black and white, dashes or width tell lines apart.
    assert len({(stroke.dashes, stroke.width) for stroke in STROKES.values()}) == len(STROKES)


def draw_all(folder):
    folder.mkdir()
    y, p = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.9])
    draw_variance(folder / "variance.png", [3.0, 2.0, 1.5], 2)
    draw_variances(
        folder / "variances.png",
        {"greedy": {"literal": [[0.9, 0.8], [0.9]], "other": [[0.5] * 3]}, "tuned": {"other": [[0.7]]}},
    )
    draw_losses(folder / "losses.png", {"training": [0.5], "validation": [0.6]})
    draw_roc(folder / "roc.png", [RocLine("other", "Mine", roc_curve(y, p), 0.875, (0.5, 1.0))])
    draw_reliability(
        folder / "reliability.png", {key: (key, reliability(y, p)) for key in ("ae", "cnn", "x", "y")}
    )
    nodule = Candidate("1.2", (0.0, 0.0, 0.0), diameter_mm=6.0)
    marks = [Candidate("1.2", (0.0, 0.0, z), 0.5 + z / 100) for z in (0.0, 9.0)]
    for name, series in (("froc.png", ["1.2", "1.3"]), ("froc_without_band.png", ["1.2"])):
        draw_froc(folder / name, froc(marks, [nodule], series, resamples=9), "Mine")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_settings_of_the_user_play_no_part(tmp_path):
    plain = draw_all(tmp_path / "plain")
    assert len(plain) == 7
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 20}):
        assert draw_all(tmp_path / "styled") == plain
        assert matplotlib.rcParams["font.size"] == 30


def test_files_hold_no_software_version_and_no_date(tmp_path):
    for content in draw_all(tmp_path / "plain").values():
        assert b"Software" not in content
        assert b"tIME" not in content
        assert b"matplotlib" not in content


@pytest.mark.parametrize("values", [[1.0], [float("nan"), 1.0], [0.0, 0.0]])
def test_odd_curves_are_drawn_without_complaint(tmp_path, values):
    draw_variance(tmp_path / "variance.png", values)
    assert (tmp_path / "variance.png").stat().st_size > 1000
