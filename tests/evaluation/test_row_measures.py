"""What metrics.json and the report say of a row beside Table 1."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation import (
    RowResult,
    Uncalibrated,
    at_prevalence,
    compare_calibrations,
    delong_auc,
    delong_difference,
    evaluate,
    report_markdown,
    subgroup_tables,
)

CONFIG = EvaluationConfig(bootstrap=40)
ALL: dict[str, Any] = {"resamples": 40, "seed": 3}


def test_every_measure_is_its_own_function_s(inputs):
    metrics = evaluate(inputs, CONFIG, 3)
    first, other = inputs.rows["gan_cae_calm"], inputs.rows["cnn"]
    y, p, groups = inputs.labels, first.probabilities, inputs.groups
    found = metrics["rows"]["gan_cae_calm"]
    assert found["delong"] == delong_auc(y, p).to_json()
    expected = delong_difference(y, p, other.probabilities).to_json()
    assert metrics["differences"]["delong"] == {"cnn": expected}
    at = at_prevalence(y, p, groups, first.threshold, 1351 / 551_065, **ALL)
    assert found["candidates"] == at.to_json()
    tables = subgroup_tables(y, p, groups, first.threshold, inputs.traits, **ALL)
    assert found["subgroups"] == {name: table.to_json() for name, table in tables.items()}
    known = first.uncalibrated
    compared = compare_calibrations(
        y, known.logits, groups, known.validation_labels, known.validation_logits, **ALL
    )
    assert found["calibrations"]["methods"] == {name: one.to_json() for name, one in compared.items()}
    assert (found["calibrations"]["used"], found["calibrations"]["validation_patches"]) == ("platt", 200)
    assert metrics["rows"]["cnn"]["calibrations"] is None


def test_no_candidates_among_nodules(inputs):
    metrics = evaluate(dataclasses.replace(inputs, task="malignancy"), CONFIG, 0)
    assert metrics["rows"]["cnn"]["candidates"] is None
    assert metrics["rows"]["cnn"]["subgroups"]["diameter_mm"]["comparison"] == "within"
    assert "of LUNA16's" not in report_markdown(metrics)


def test_one_positive_has_no_variance(inputs):
    y = np.zeros(400, int)
    y[7] = 1
    metrics = evaluate(dataclasses.replace(inputs, labels=y), CONFIG, 0)
    assert metrics["rows"]["cnn"]["delong"] is None
    assert metrics["differences"]["delong"] == {"cnn": None}
    assert "| CNN   |" in report_markdown(metrics)
    json.dumps(metrics, allow_nan=False)


def test_a_row_s_logits_are_checked_and_named(inputs):
    given = Uncalibrated("platt", [0.0], [0, 1], [0.0, 1.0])
    row = RowResult("cnn", inputs.rows["cnn"].probabilities, 0.5, None, given)
    with pytest.raises(InputError, match=r"Row cnn: logits must be finite numbers, one for each of the 400"):
        evaluate(dataclasses.replace(inputs, rows={"cnn": row}), CONFIG, 0)


def test_the_report_names_the_calibration_that_validation_would_choose(inputs):
    metrics = evaluate(inputs, CONFIG, 3)
    text = report_markdown(metrics, {"calibrations", "precision_recall"})
    found = metrics["rows"]["gan_cae_calm"]["calibrations"]
    losses = {name: one["validation_log_loss"] for name, one in found["methods"].items()}
    assert found["best_on_validation"] == min(losses, key=losses.__getitem__)
    assert "**Platt's scaling**, used" in text
    assert f"By it one would choose: {found['best_on_validation'].replace('platt', 'Platt')}" in text
    assert "figures/calibrations.png" in text and "figures/precision_recall.png" in text


def test_the_report_says_what_is_too_small_or_not_known_and_prints_no_markup_of_scanners(inputs):
    text = report_markdown(evaluate(inputs, CONFIG, 3))
    assert "| ?B??X \\* | 5         | 15        | 2      | –" in text
    assert "too few patches of a class for an AUC" in text
    assert "Not known of any patch: texture." in text
    assert "<B>" not in text
    plain = dataclasses.replace(inputs, traits={})
    assert "## Subgroups" not in report_markdown(evaluate(plain, CONFIG, 3))


def test_few_groups_of_a_subgroup_are_marked(inputs):
    """Of 40 groups 36 have one texture and four, too few to be drawn, another."""
    texture = np.where(np.arange(400) < 40, 1.0, 5.0) * inputs.labels
    metrics = evaluate(dataclasses.replace(inputs, traits={"texture": texture}), CONFIG, 3)
    first, second = metrics["rows"]["cnn"]["subgroups"]["texture"]["subgroups"]
    # Against all negatives there are all 40 groups to draw from.
    assert (first["interval_unit"], second["interval_unit"]) == ("group", "group")
    thickness = np.where(np.arange(400) < 80, 1.0, 3.0)
    metrics = evaluate(dataclasses.replace(inputs, traits={"slice_thickness_mm": thickness}), CONFIG, 3)
    thin, thick = metrics["rows"]["cnn"]["subgroups"]["slice_thickness_mm"]["subgroups"]
    assert (thin["interval_unit"], thick["interval_unit"]) == ("patch", "group")
    text = report_markdown(metrics)
    assert "| up to 1.25 † |" in text and "over patches, and too narrow" in text
