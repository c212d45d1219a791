import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lungnet.components import Evaluator
from lungnet.config import Config
from lungnet.evaluation import read_predictions
from lungnet.hashing import fingerprint
from lungnet.pipeline import Artifact, Classifier


@pytest.fixture
def evaluate(do, examples) -> Callable[..., dict[str, Artifact]]:
    def run(classifier: Classifier, baseline: Classifier | None = None, **evaluation: Any):
        config = Config.model_validate({"evaluation": {"bootstrap": 20, **evaluation}})
        inputs = {"examples": examples, "classifiers": [classifier]}
        return do(Evaluator, inputs | ({"baseline_model": baseline} if baseline else {}), config)

    return run


def blessing_of(made: dict[str, Artifact]) -> tuple[list[str], dict[str, Any]]:
    """Names of the files, and what `blessing.json` holds."""
    folder = made["blessing"].uri
    return sorted(path.name for path in folder.iterdir()), json.loads((folder / "blessing.json").read_text())


def test_a_good_model_is_blessed(evaluate, classifier_of, caplog):
    made = evaluate(classifier_of())
    files, blessing = blessing_of(made)
    assert files == ["BLESSED", "blessing.json"]
    identity = fingerprint([1.0, "nodule", "gan_cae_calm"])
    assert made["blessing"].properties == {"blessed": 1, "current_model_id": identity}
    assert blessing["current_model_id"] == identity
    assert [(check["name"], check["value"]) for check in blessing["checks"]] == [
        ("auc", 1.0),
        ("balanced_accuracy", 1.0),
    ]
    assert made["evaluation"].properties == {"auc": {"gan_cae_calm": 1.0}}
    assert "GAN+CAE+CALM is **blessed**" in (made["evaluation"].uri / "report.md").read_text("utf-8")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_predictions_are_the_models(evaluate, classifier_of):
    predictions = read_predictions(evaluate(classifier_of())["predictions"].uri / "predictions.csv")
    labels = np.asarray(predictions.labels)
    assert labels.tolist() == [0, 1, 0, 1]
    assert ((np.asarray(predictions.probabilities["gan_cae_calm"]) > 0.5) == labels).all()


def test_a_model_below_the_bounds_is_not(evaluate, classifier_of, caplog):
    made = evaluate(classifier_of(gain=-1.0), bless_min_auc=0.7)
    files, blessing = blessing_of(made)
    assert files == ["NOT_BLESSED", "blessing.json"]
    assert made["blessing"].properties["blessed"] == 0
    assert blessing["blessed"] is False
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "gan_cae_calm is not blessed: AUC 0.000 does not reach 0.700.",
        "gan_cae_calm is not blessed: Balanced accuracy 0.000 does not reach 0.500.",
    ]


def test_a_model_that_is_worse_than_the_last_blessed_one_is_not(evaluate, classifier_of):
    # It orders the patches the wrong way round: AUC 0, and no bound but that of the drop.
    no_bounds = {"bless_min_auc": 0.0, "bless_min_balanced_accuracy": 0.0}
    good, bad = classifier_of(), classifier_of(gain=-1.0)
    made = evaluate(bad, good, **no_bounds)
    files, blessing = blessing_of(made)
    assert "NOT_BLESSED" in files
    assert blessing["checks"][-1]["name"] == "auc_drop"
    assert blessing["checks"][-1]["value"] == 1.0
    assert made["blessing"].properties == {
        "blessed": 0,
        "current_model_id": bad.properties["fingerprint"],
        "baseline_model_id": good.properties["fingerprint"],
    }
    assert "AUC lies 1.000 below that of the last blessed model" in (
        made["evaluation"].uri / "report.md"
    ).read_text("utf-8")
    assert evaluate(bad, **no_bounds)["blessing"].properties["blessed"] == 1
    assert evaluate(good, bad, **no_bounds)["blessing"].properties["blessed"] == 1


def test_the_same_model_again_is_blessed(evaluate, classifier_of):
    made = evaluate(classifier_of(), classifier_of(), bless_max_auc_drop=0.0)
    assert made["blessing"].properties["blessed"] == 1


def test_a_baseline_for_another_task_is_not_compared(evaluate, classifier_of, caplog):
    made = evaluate(classifier_of(gain=-1.0), classifier_of(task="malignancy"), bless_min_auc=0.0)
    assert "baseline_model_id" not in made["blessing"].properties
    assert "is for task = 'malignancy', not 'nodule': nothing is compared" in caplog.text
