"""Each verb by itself, as a user meets it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lungnet.cli.main import VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(lungnet: Callable, verb: str):
    result = lungnet(verb, "--help")
    assert result.code == 0
    assert f"  lungnet {verb}" in result.out.split("Example")[1]


def test_help_and_version(lungnet: Callable):
    assert all(verb in lungnet("--help").out for verb in VERBS)
    assert lungnet("--version").out.startswith("lungnet")


def test_cohort_prints_the_funnel_beside_the_paper(lungnet: Callable, tmp_path: Path):
    result = lungnet("cohort", "--json", tmp_path / "cohort.json")
    assert result.code == 0
    assert "1,018" in result.out
    assert "666" in result.out
    assert "5,422" in result.out
    written = json.loads((tmp_path / "cohort.json").read_text("utf-8"))
    assert written["funnel"][0]["scans"] == 1018
    assert all(exclusion["reason"] for exclusion in written["exclusions"])


def test_a_phantom_goes_from_ct_to_probabilities(lungnet: Callable, finished, tmp_path: Path):
    result = lungnet("phantom", tmp_path / "ct", "--patients", 1)
    assert result.code == 0
    folder = Path(result.out.strip())
    assert len(list(folder.glob("*.dcm"))) > 5

    from lungnet.ct import read_series

    volume = read_series(folder)
    x, y, z = volume.index_to_world([3, 200, 150])
    candidates = tmp_path / "candidates.csv"
    candidates.write_text(f"seriesuid,coordX,coordY,coordZ\n{volume.series_uid},{x},{y},{z}\n")
    model = finished.output("OnnxExporter", "model") / "classifier.onnx"
    call = ("predict", folder, "--candidates", candidates, "--model", model)
    printed = lungnet(*call)
    assert printed.code == 0
    assert lungnet(*call, "-o", tmp_path / "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text("utf-8") == printed.out
    (row,) = csv.DictReader(printed.out.splitlines())
    assert 0.0 <= float(row["probability"]) <= 1.0
    assert float(row["coordX"]) == x
