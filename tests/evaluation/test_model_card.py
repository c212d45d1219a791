"""The model card: what it says, that it is valid, and what it warns of."""

import dataclasses
import json

import numpy as np
import pytest
from pydantic import ValidationError

from lungnet.config import Config, EvaluationConfig
from lungnet.evaluation import ModelCard, evaluate, model_card, model_card_markdown

CONFIG = EvaluationConfig(bootstrap=40)
MODEL = {
    "row": "gan_cae_calm",
    "window_hu": (-1000.0, 400.0),
    "calibrator": {"method": "platt", "scale": 1.5, "shift": -0.25},
    "training_prevalence": 0.5,
    "fingerprint": "ab12" * 16,
    "features": 450,
}
LINEAGE = {
    "model": "CalmTrainer/classifier/9",
    "model_sha256": "cd34" * 16,
    "artifacts": [{"type": "Examples", "uri": "Augmenter/examples/5", "sha256": "ef56" * 16}],
}


@pytest.fixture
def known(inputs):
    return dataclasses.replace(
        inputs,
        data_description="Patches about candidates of LUNA16 (CC BY 4.0, from LIDC-IDRI).",
        model=MODEL,
        software={"python": "3.11.2", "tensorflow": "2.21.0"},
        lineage=LINEAGE,
    )


def limits(card: ModelCard) -> str:
    return " ".join(one.description for one in card.considerations.limitations)


def test_its_numbers_are_those_of_the_metrics(known):
    metrics = evaluate(known, CONFIG, 0)
    row = metrics["rows"]["gan_cae_calm"]
    measures = model_card(metrics).quantitative_analysis.performance_metrics
    (auc,) = [one for one in measures if one.type == "auc" and one.slice.startswith("all ")]
    assert auc.value == row["own"]["auc"]["value"]
    assert auc.threshold is None
    assert auc.confidence_interval is not None
    assert auc.confidence_interval.model_dump() == {
        "lower_bound": row["own"]["auc"]["low"],
        "upper_bound": row["own"]["auc"]["high"],
        "confidence": 0.95,
        "unit": "group",
    }
    subgroups = row["subgroups"]["diameter_mm"]["subgroups"]
    small = [one for one in measures if subgroups[0]["name"] in one.slice]
    assert {one.type: one.value for one in small}["recall"] == subgroups[0]["recall"]["value"]
    precision = {one.slice: one for one in measures if one.type == "precision"}
    balanced = precision["all evaluation patches, reweighted to 50 % positive"]
    assert balanced.value == row["balanced"]["precision"]["value"]
    assert balanced.threshold == 0.45


def test_it_says_which_model_it_is_and_what_it_takes(known):
    card = model_card(evaluate(known, CONFIG, 0))
    assert card.origin.fingerprint == "ab12" * 16
    assert card.origin.lineage == "CalmTrainer/classifier/9"
    assert card.decision.threshold == 0.45
    assert card.decision.training_prevalence == 0.5
    assert card.model_parameters.input_format_map[0].key == "patches_hu"
    text = model_card_markdown(card)
    for expected in (
        "NOT for diagnosis",
        "int16 [batch, 40, 40]",
        "native pixel spacing",
        "-1000 to 400 HU",
        "450 features",
        "dense layers 128-32-2",
        "platt, fitted on inner validation",
        "50.0 % in training",
        "`CalmTrainer/classifier/9`",
        "tensorflow 2.21.0",
        "frozen on inner-validation patients",
    ):
        assert expected in text, expected


def test_public_data_bring_their_licences_and_citations(known):
    data = model_card(evaluate(known, CONFIG, 0)).model_parameters.data
    assert [(one.name, one.licenses[0].identifier) for one in data[1:]] == [
        ("LUNA16", "CC-BY-4.0"),
        ("LIDC-IDRI", "CC-BY-3.0"),
    ]
    assert all(one.citations for one in data[1:])


def test_unknown_data_are_called_unknown_and_a_phantom_a_phantom(known):
    unknown = dataclasses.replace(known, data_description="Patches of a clinic.")
    (own,) = model_card(evaluate(unknown, CONFIG, 0)).model_parameters.data
    assert "Not known" in own.licenses[0].custom_text
    phantom = dataclasses.replace(
        known, data_description="Phantom: outlines come from LIDC-IDRI (CC BY 3.0)."
    )
    card = model_card(evaluate(phantom, CONFIG, 0))
    assert [(one.name, one.synthetic) for one in card.model_parameters.data] == [
        ("Phantom", True),
        ("LIDC-IDRI", False),
    ]
    assert "phantom with synthetic pixels" in limits(card)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"split_unit": "patch"}, "leaks"),
        ({"split_unit": "nodule"}, "patients that the model had been trained on"),
        ({"task": "malignancy"}, "without biopsy"),
        ({"groups": np.repeat(["a", "b"], 200)}, "over single patches"),
    ],
)
def test_what_weakens_the_numbers_is_a_limit(known, change, expected):
    assert expected not in limits(model_card(evaluate(known, CONFIG, 0)))
    assert expected in limits(model_card(evaluate(dataclasses.replace(known, **change), CONFIG, 0)))


def test_a_model_that_is_not_blessed_says_so(known):
    strict = EvaluationConfig(bootstrap=40, bless_min_auc=0.999)
    card = model_card(evaluate(known, strict, 0))
    assert not card.decision.blessed
    assert "not blessed" in limits(card)
    assert "**Not blessed**: AUC 0." in model_card_markdown(card)


def test_what_is_not_known_stays_empty(inputs):
    bare = dataclasses.replace(
        inputs, summary={}, cohort=None, config={}, real_vs_synthetic_auc=None, date=""
    )
    card = model_card(evaluate(bare, CONFIG, 0))
    assert card.origin.fingerprint == card.origin.lineage == ""
    assert card.decision.calibration == {}
    text = model_card_markdown(card)
    assert "Calibration: unknown" in text
    assert "unknown in training" in text


def test_json_goes_there_and_back_and_nothing_else_is_taken(known):
    card = model_card(evaluate(known, CONFIG, 0))
    written = json.loads(json.dumps(card.model_dump(mode="json"), allow_nan=False))
    assert ModelCard.model_validate(written) == card
    with pytest.raises(ValidationError, match="extra"):
        ModelCard.model_validate({**written, "colour": "blue"})
    described = ModelCard.model_json_schema()
    assert {"model_details", "model_parameters", "quantitative_analysis", "considerations"} <= set(
        described["required"]
    )


def test_settings_of_the_run_are_in_it(known):
    card = model_card(evaluate(known, CONFIG, 0))
    assert card.training.configuration == Config(seed=3).model_dump(mode="json")
