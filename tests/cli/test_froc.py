"""`lungnet froc` on files in LUNA16's form."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "seriesuid,coordX,coordY,coordZ"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two series, one nodule each; one is found, one false candidate lies on an excluded finding."""
    contents = {
        "detections": f"{HEAD},probability\n1.2.3,0,0,1,0.9\n1.2.3,50,0,0,0.8\n1.2.9,0,0,0,0.7\n",
        "annotations": f"{HEAD},diameter_mm\n1.2.3,0,0,0,6\n1.2.4,5,5,5,8\n1.2.8,0,0,0,9\n",
        "series": "1.2.3\n1.2.4\n",
        "out": "",
    }
    for name, text in contents.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return {name: tmp_path / f"{name}.csv" for name in contents}


def call(files: dict[str, Path], *more: object) -> tuple[object, ...]:
    given = ("--annotations", files["annotations"], "--series", files["series"])
    return ("froc", files["detections"], *given, "--resamples", 50, *more)


def test_table_json_curve_and_figure(lungnet: Callable, files: dict[str, Path], tmp_path: Path):
    written = [tmp_path / name for name in ("froc.json", "curve.csv", "froc.png")]
    options = zip(("--json", "--curve", "--figure"), written, strict=True)
    result = lungnet(*call(files), *(part for option in options for part in option))
    assert result.code == 0
    assert "2 scans with 2 nodules" in result.out
    assert "3 candidates" not in result.out  # one is of another series
    assert "2 candidates: 1 false" in result.out
    assert "1 candidates are of series that are not listed" in result.err
    assert "1 annotations are of series that are not listed" in result.err
    report = json.loads(written[0].read_text("utf-8"))
    assert report["cpm"]["value"] == 0.5
    assert "no annotations_excluded.csv" in report["excluded_note"]
    assert written[1].read_text("utf-8").splitlines()[1:] == ["0.0,0.0,inf", "0.0,0.5,0.9", "0.5,0.5,0.8"]
    assert written[2].read_bytes()[:4] == b"\x89PNG"
    for path in written:
        assert f"Written: {path}" in result.err


def test_excluded_findings_beside_the_annotations_are_used(lungnet: Callable, files: dict[str, Path]):
    beside = files["annotations"].with_name("annotations_excluded.csv")
    beside.write_text(f"{HEAD},diameter_mm\n1.2.3,52,0,0,-1\n", encoding="utf-8")
    result = lungnet(*call(files))
    assert "0 false, 1 ignored on 1 excluded findings" in result.out
    assert "those of annotations_excluded.csv" in result.err
    other = lungnet(*call(files, "--excluded", files["annotations"]))
    assert "1 false, 0 ignored" in other.out  # 1.2.3's own nodule is found whatever is excluded


def test_luna16_is_approximated_and_says_so(
    lungnet: Callable, lungnet_data: Path, tmp_path: Path, files: dict[str, Path]
):
    """LIDC-IDRI-0003: its nodules found, and a candidate on what a single reader marked."""
    uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.170706757615202213033480003264"
    everything = (lungnet_data / "luna16" / "annotations.csv").read_text("utf-8").splitlines()
    ours = [line for line in everything if line.startswith(uid)]
    files["annotations"].write_text("\n".join([everything[0], *ours]), encoding="utf-8")
    files["series"].write_text(f"{uid}\n", encoding="utf-8")
    marks = [",".join([*line.split(",")[:4], "0.9"]) for line in ours]
    marks.append(f"{uid},73.8,74.0,-213.6,0.95")
    files["detections"].write_text("\n".join([f"{HEAD},probability", *marks]), encoding="utf-8")
    result = lungnet(*call(files))
    assert "0 false, 1 ignored on 1 excluded findings" in result.out
    assert "approximated by 1 marks of one or two readers" in result.err
    assert "1 false, 0 ignored" in lungnet(*call(files, "--data", tmp_path, "--no-approximate")).out
    with_ct = lungnet(*call(files, "--data", lungnet_data / "lidc" / "LIDC-IDRI-0003"))
    assert "0 false, 1 ignored on 1 excluded findings" in with_ct.out


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("detections", f"{HEAD}\n1.2.3,0,0,1\n", "must have a finite probability. Received: None"),
        ("detections", f"{HEAD},probability\n1.2.3,0,0,1,nan\n", "line 2: probability must be a finite"),
        ("detections", f"{HEAD},probability\n1.2.7,0,0,1,0.5\n", "None of the 1 candidates is of the 2"),
        ("detections", "x,y\n1,2\n", "has no column seriesuid"),
        ("annotations", f"{HEAD}\n1.2.3,0,0,0\n", "must have a finite diameter_mm. Received: None"),
        ("annotations", f"{HEAD},diameter_mm\n1.2.7,0,0,0,5\n", "None of the 1 annotations is of the 2"),
        ("series", "1.2.3\n1.2.3\n", "stands on line 1 already"),
        ("series", "", "lists no series"),
    ],
)
def test_bad_input_is_one_sentence(
    lungnet: Callable, files: dict[str, Path], name: str, text: str, complaint: str
):
    files[name].write_text(text, encoding="utf-8")
    result = lungnet(*call(files, "--json", files["out"]))
    assert result.code == 1
    assert complaint in result.err
    assert "Traceback" not in result.err
    assert files["out"].read_text("utf-8") == ""


def test_missing_options_are_wrong_usage(lungnet: Callable, files: dict[str, Path]):
    assert lungnet("froc", files["detections"]).code == 2
    assert lungnet(*call(files, "--confidence", 1.0)).code == 2
