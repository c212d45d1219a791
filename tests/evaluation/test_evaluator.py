"""metrics.json."""

import dataclasses
import json

import numpy as np
import pytest

from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation import RowResult, classification_report, evaluate, table_rows

CONFIG = EvaluationConfig(bootstrap=60)


def test_rows_are_what_the_report_of_one_classifier_says(inputs):
    metrics = evaluate(inputs, CONFIG, 5)
    row = inputs.rows["cnn"]
    alone = classification_report(
        inputs.labels, row.probabilities, inputs.groups, row.threshold, resamples=60, seed=5
    ).to_json()
    for key in ("own", "balanced", "confusion", "calibration", "threshold"):
        assert metrics["rows"]["cnn"][key] == alone[key]
    assert metrics["rows"]["cnn"]["training"] is None
    assert list(metrics["rows"]) == ["gan_cae_calm", "cnn"]


def test_it_is_json_and_depends_on_nothing_but_its_arguments(inputs):
    first, second = evaluate(inputs, CONFIG, 5), evaluate(inputs, CONFIG, 5)
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert first["intervals"] != evaluate(inputs, EvaluationConfig(bootstrap=61), 5)["intervals"]


def test_differences_are_the_first_row_less_the_others(inputs):
    metrics = evaluate(inputs, CONFIG, 0)
    values = {key: row["own"]["auc"]["value"] for key, row in metrics["rows"].items()}
    assert metrics["differences"]["reference"] == "gan_cae_calm"
    difference = metrics["differences"]["rows"]["cnn"]["value"]
    assert difference == pytest.approx(values["gan_cae_calm"] - values["cnn"])


def test_what_is_told_of_data_and_training(inputs):
    metrics = evaluate(inputs, CONFIG, 0)
    assert metrics["splits"]["train"] == {
        "patches": 10,
        "positive": 4,
        "negative": 6,
        "synthetic": 1,
        "nodules": 3,
        "patients": 2,
        "series": 2,
    }
    assert metrics["cohort"]["facts"] == {"origin": "two folders"}
    assert "never to be seen" not in json.dumps(metrics)
    assert metrics["rows"]["gan_cae_calm"]["training"] == {
        "iterations": 3,
        "kept_iteration": 2,
        "converged": True,
        "loss": {"first": 0.7, "last": 0.4, "least": 0.4},
        "validation_loss": {"first": 0.72, "last": 0.6, "least": 0.55},
        "intra_cluster_variance": {"first": 9.0, "last": 5.0, "least": 5.0},
    }


@pytest.mark.parametrize(
    ("unit", "leaks", "description", "phantom"),
    [("patient", False, "Real CT.", False), ("patch", True, "A Phantom of 12 patients.", True)],
)
def test_leaks_and_phantoms_are_flagged(inputs, unit, leaks, description, phantom):
    changed = dataclasses.replace(inputs, split_unit=unit, data_description=description)
    metrics = evaluate(changed, CONFIG, 0)
    assert (metrics["split_leaks"], metrics["is_phantom"]) == (leaks, phantom)


def test_a_curve_that_ran_away_is_left_out(inputs):
    history = {"loss": [0.7, float("nan")], "kept_iteration": 1}
    rows = {"cnn": dataclasses.replace(inputs.rows["cnn"], history=history)}
    metrics = evaluate(dataclasses.replace(inputs, rows=rows), CONFIG, 0)
    assert metrics["rows"]["cnn"]["training"] == {"kept_iteration": 1}


def test_bad_rows_are_named(inputs):
    with pytest.raises(InputError, match="rows must hold at least one"):
        evaluate(dataclasses.replace(inputs, rows={}), CONFIG, 0)
    rows = {"ae": RowResult("ae", np.full(400, 2.0), 0.5)}
    with pytest.raises(InputError, match=r"Row ae: probabilities must lie in \[0, 1\]"):
        evaluate(dataclasses.replace(inputs, rows=rows), CONFIG, 0)
    with pytest.raises(ValueError, match="split_unit must be one of patient, nodule, patch"):
        evaluate(dataclasses.replace(inputs, split_unit="random"), CONFIG, 0)


def test_rows_below_the_paper_s_have_names_and_none_of_its_values(inputs):
    answers = dataclasses.replace(inputs.rows["cnn"], row="brightness")
    rows = {**inputs.rows, "brightness": answers, "mine": answers}
    metrics = evaluate(dataclasses.replace(inputs, rows=rows), CONFIG, 0)
    names = {key: row["name"] for key, row in metrics["rows"].items()}
    assert (names["brightness"], names["mine"]) == ("Centre brightness only", "mine")
    below = table_rows(metrics)[-2:]
    assert [(line.name, line.source) for line in below] == [
        ("Centre brightness only", "here"),
        ("mine", "here"),
    ]
