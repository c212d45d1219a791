"""Predictions as CSV: round trip and refusals."""

import dataclasses

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import Predictions, read_predictions, write_predictions


@pytest.fixture
def predictions():
    return Predictions(
        split=["eval", "eval", "eval"],
        patient_id=["LIDC-IDRI-0001", 'a "quoted", name', "ünïcode"],
        group_id=["0", "01", "1"],
        series_uid=["1.2.3", "", "1.2.4"],
        nodule_id=np.array([-1, 7, 8]),
        labels=np.array([0, 1, 1]),
        source=["real", "real", "real"],
        probabilities={
            "gan_cae_calm": np.array([0.1, 1.0 / 3.0, 1.0]),
            "cnn": np.array([0.0, 1e-17, np.float32(0.3)], dtype=np.float64),
        },
    )


def test_every_digit_and_every_name_comes_back(tmp_path, predictions):
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions)
    read = read_predictions(path)
    for field in dataclasses.fields(Predictions):
        if field.name != "probabilities":
            assert list(getattr(read, field.name)) == list(getattr(predictions, field.name))
    assert list(read.probabilities) == ["gan_cae_calm", "cnn"]
    for row, values in predictions.probabilities.items():
        assert np.array_equal(read.probabilities[row], values)


def test_the_lines_are_what_other_tools_expect(tmp_path, predictions):
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions)
    lines = path.read_bytes().decode("utf-8").split("\n")
    assert lines[0] == (
        "index,split,patient_id,group_id,series_uid,nodule_id,label,source,"
        "probability_gan_cae_calm,probability_cnn"
    )
    assert lines[1] == "0,eval,LIDC-IDRI-0001,0,1.2.3,-1,0,real,0.1,0.0"
    assert len(lines) == 5


def test_a_synthetic_evaluation_patch_is_refused(tmp_path, predictions):
    changed = dataclasses.replace(predictions, source=["real", "synthetic", "real"])
    with pytest.raises(InputError, match="evaluation split must be real"):
        write_predictions(tmp_path / "predictions.csv", changed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": ["eval"]}, r"split must have 3 entries, as the labels. Received: 1"),
        ({"probabilities": {"cnn": np.array([0.1, np.nan, 0.2])}}, r"probability_cnn must lie in \[0, 1\]"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, predictions, change, message):
    with pytest.raises(InputError, match=message):
        write_predictions(tmp_path / "predictions.csv", dataclasses.replace(predictions, **change))


HEAD = "index,split,patient_id,group_id,series_uid,nodule_id,label,source,probability_cnn\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must have the columns index, split.* Missing: index"),
        ("index,split\n0,eval\n", r"Missing: patient_id, group_id"),
        (HEAD + "0,eval,a,b,c,-1,0,real\n", r"line 2: expected 9 fields. Received: 8"),
        (HEAD + "0,eval,a,b,c,-1,yes,real,0.5\n", r"not a number: .*'yes'"),
        (HEAD + "0,eval,a,b,c,-1,1,real,1.5\n", r"probability_cnn must lie in \[0, 1\]"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, text, message):
    path = tmp_path / "predictions.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"Cannot read predictions from .*nothing.csv"):
        read_predictions(tmp_path / "nothing.csv")
