"""The verdict, by hand."""

import dataclasses
import json

import numpy as np
import pytest

from lungnet.config import Config, EvaluationConfig
from lungnet.evaluation import Estimate, RowResult, bless, evaluate, report_markdown
from lungnet.evaluation.model_card_limits import limitations


def measured(auc: float, balanced_accuracy: float) -> dict:
    return {
        name: Estimate(value, 0.0, 1.0).to_json()
        for name, value in (("auc", auc), ("balanced_accuracy", balanced_accuracy))
    }


BOUNDS = EvaluationConfig(bless_min_auc=0.8, bless_min_balanced_accuracy=0.7, bless_max_auc_drop=0.01)


@pytest.mark.parametrize(
    ("auc", "accuracy", "failed"),
    [
        (0.8, 0.7, []),  # the bound itself passes
        (0.79, 0.7, ["auc"]),
        (0.8, 0.69, ["balanced_accuracy"]),
        (0.5, 0.5, ["auc", "balanced_accuracy"]),
    ],
)
def test_bounds_must_be_reached(auc, accuracy, failed):
    verdict = bless(measured(auc, accuracy), BOUNDS)
    assert [check.name for check in verdict.checks if not check.passed] == failed
    assert verdict.blessed is not bool(failed)


def test_the_sentences_say_by_how_much():
    verdict = bless(measured(0.75, 0.7), BOUNDS)
    assert [check.sentence for check in verdict.checks] == [
        "AUC 0.750 does not reach 0.800.",
        "Balanced accuracy 0.700 reaches 0.700.",
    ]


@pytest.mark.parametrize(
    ("difference", "passes"), [(0.2, True), (0.0, True), (-0.01, True), (-0.0101, False), (-0.3, False)]
)
def test_a_baseline_must_not_be_much_better(difference, passes):
    verdict = bless(measured(0.9, 0.9), BOUNDS, Estimate(difference, difference - 0.1, difference + 0.1))
    drop = verdict.checks[-1]
    assert (drop.name, drop.passed, verdict.blessed) == ("auc_drop", passes, passes)
    assert (drop.value, drop.bound) == (-difference, 0.01)


def test_the_drop_is_told_with_its_interval():
    def said(*difference):
        return bless(measured(0.9, 0.9), BOUNDS, Estimate(*difference)).checks[-1].sentence

    last = "that of the last blessed model on the same patches"
    allowed = "; a drop of 0.010 is allowed."
    assert said(-0.04, -0.07, 0.002) == f"AUC lies 0.040 below {last} (difference -0.070 to +0.002){allowed}"
    assert said(0.04, None, None) == f"AUC lies 0.040 above {last}{allowed}"
    assert said(0.0, None, None) == f"AUC equals {last}{allowed}"


def test_evaluation_compares_on_the_same_patches(inputs):
    """Against the truth itself any model drops by one less its AUC; against its own answers by nothing."""
    config = EvaluationConfig(bootstrap=20, bless_max_auc_drop=0.0)
    labels = np.asarray(inputs.labels)
    first = inputs.rows["gan_cae_calm"]
    own = evaluate(dataclasses.replace(inputs, baseline=first), config, 0)
    assert own["blessing"]["blessed"] is True
    assert own["blessing"]["checks"][-1]["value"] == 0.0

    perfect = RowResult("gan_cae_calm", labels.astype(float), 0.5)
    worse = evaluate(dataclasses.replace(inputs, baseline=perfect), config, 0)
    assert worse["blessing"]["blessed"] is False
    auc = worse["rows"]["gan_cae_calm"]["own"]["auc"]["value"]
    assert worse["blessing"]["checks"][-1]["value"] == pytest.approx(1.0 - auc)
    assert list(worse["rows"]) == list(inputs.rows)  # the baseline is no row
    json.dumps(worse, allow_nan=False)

    text = report_markdown(worse)
    assert "GAN+CAE+CALM is **not blessed**, and will not be pushed:\n\n- AUC lies 0." in text
    assert "reaches" not in text.split("## Data")[0]  # what passed needs no excuse


def test_without_a_baseline_there_is_nothing_to_compare(inputs):
    names = [
        check["name"] for check in evaluate(inputs, EvaluationConfig(bootstrap=20), 0)["blessing"]["checks"]
    ]
    assert names == ["auc", "balanced_accuracy"]


def test_a_model_of_shuffled_labels_is_never_blessed(inputs):
    config = Config.model_validate({"patches": {"shuffle_labels": True}}).model_dump(mode="json")
    metrics = evaluate(dataclasses.replace(inputs, config=config), EvaluationConfig(bootstrap=20), 0)
    assert metrics["labels_shuffled"] and not metrics["blessing"]["blessed"]
    assert [check["name"] for check in metrics["blessing"]["checks"] if not check["passed"]] == [
        "true_labels"
    ]
    text = report_markdown(metrics)
    assert text.index("**THE LABELS WERE SHUFFLED.**") < text.index("## Verdict")
    assert "trained on shuffled labels" in text
    assert limitations(metrics)[0].startswith("It was trained on shuffled labels")
    assert "SHUFFLED" not in report_markdown(evaluate(inputs, EvaluationConfig(bootstrap=20), 0))
