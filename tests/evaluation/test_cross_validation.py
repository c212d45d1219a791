import csv
import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation import CrossValidationInputs, cross_validate, write_fold_predictions
from tests.evaluation.fold_runs_of import fold_run, random_runs, with_rows

CONFIG = EvaluationConfig(bootstrap=100)


def measured(runs, **known) -> dict:
    inputs = CrossValidationInputs(runs=runs, data_description="A made-up set.", **known)
    return cross_validate(inputs, CONFIG, seed=0)


@pytest.fixture(scope="module")
def metrics() -> dict:
    return measured(random_runs(), task="malignancy", missing=("fold 3, seed 0",), config={"seed": 0})


def test_the_whole_is_json_without_nan(metrics):
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert metrics["schema"] == "lungnet.benchmark/1"
    assert (metrics["task"], metrics["missing"]) == ("malignancy", ["fold 3, seed 0"])


def test_folds_are_counted_once_whatever_the_number_of_seeds(metrics):
    assert (metrics["patches"], metrics["positives"], metrics["groups"]) == (144, 48, 12)
    assert [fold["groups"] for fold in metrics["folds"]][1] == ["g04", "g05", "g06", "g07"]
    assert metrics["folds"][0]["runs"] == [{"seed": s, "head_seed": h} for s in (0, 1) for h in (0, 1)]


def test_values_are_those_of_the_runs(metrics):
    row = metrics["rows"]["a"]
    assert len(row["runs"]) == 12
    assert len(metrics["rows"]["c"]["runs"]) == 6
    for name, at in (("auc", "own"), ("accuracy", "own"), ("balanced_accuracy", "balanced")):
        folds = [np.mean([run[name] for run in row["runs"] if run["fold"] == fold]) for fold in range(3)]
        assert row[at][name]["value"] == pytest.approx(np.mean(folds))
        assert row[at][name]["low"] < row[at][name]["value"] < row[at][name]["high"]
    assert row["calibration"]["ece"] == pytest.approx(np.mean([run["ece"] for run in row["runs"]]))
    assert {run["threshold"] for run in metrics["rows"]["b"]["runs"]} == {0.45}


def test_pooled_probabilities_of_folds_are_another_number():
    # Both folds are in perfect order, one low and one high: pooled, 3 of 4 pairs are.
    runs = [
        fold_run(0, [0, 1], ["a", "a"], {"row": [0.1, 0.2]}),
        fold_run(1, [0, 1], ["b", "b"], {"row": [0.8, 0.9]}),
    ]
    row = measured(runs)["rows"]["row"]
    assert (row["own"]["auc"]["value"], row["pooled_auc"]) == (1.0, 0.75)


def test_pooled_leaves_out_seeds_that_lack_a_fold():
    runs = [run for run in random_runs(head_seeds=1) if run.fold or not run.seed]
    pooled = measured(runs)["rows"]["a"]["pooled_auc"]
    first = [run.predictions for run in runs if not run.seed]
    labels = np.concatenate([p.labels for p in first])
    assert pooled == roc_auc_score(labels, np.concatenate([p.probabilities["a"] for p in first]))


def test_differences_are_of_the_first_row(metrics):
    differences = metrics["differences"]
    assert differences["reference"] == "a"
    assert set(differences["rows"]) == {"b", "c"}
    value = metrics["rows"]["a"]["own"]["auc"]["value"] - metrics["rows"]["b"]["own"]["auc"]["value"]
    assert differences["rows"]["b"]["auc"]["value"] == pytest.approx(value)
    assert differences["rows"]["b"]["runs"] == {
        name: sum(
            np.sign(mine["auc"] - other["auc"]) == sign
            for mine, other in zip(metrics["rows"]["a"]["runs"], metrics["rows"]["b"]["runs"], strict=True)
        )
        for name, sign in (("greater", 1), ("equal", 0), ("less", -1))
    }
    assert differences["rows"]["c"]["auc"]["low"] > 0  # c guesses
    assert sum(differences["rows"]["c"]["runs"].values()) == 6


def test_a_row_that_some_folds_lack_says_which_it_has():
    runs = [
        with_rows(run, {"a": run.predictions.probabilities["a"]}) if run.fold == 1 else run
        for run in random_runs()
    ]
    rows = measured(runs)["rows"]
    assert (rows["a"]["folds"], rows["b"]["folds"]) == ([0, 1, 2], [0, 2])


def test_undefined_in_one_fold_is_undefined():
    runs = [
        fold_run(0, [0, 1], ["a", "a"], {"row": [0.1, 0.2]}),  # calls nothing positive
        fold_run(1, [0, 1], ["b", "b"], {"row": [0.1, 0.9]}),
    ]
    own = measured(runs)["rows"]["row"]["own"]
    assert (own["precision"]["value"], own["recall"]["value"]) == (None, 0.5)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "at least one run"),
        ([fold_run(0, [0, 1], ["a", "b"], {"r": [0, 1]})] * 2, "Two runs are fold 0, seed 0; expected one"),
        (
            [fold_run(fold, [0, 1], ["a", "b"], {"r": [0, 1]}) for fold in (0, 1)],
            "The group 'a' is judged in fold 0 and in fold 1",
        ),
        (
            [fold_run(2, [1, 1], ["a", "b"], {"r": [0, 1]}, 7, 1)],
            "Fold 2, seed 7, head seed 1: labels must hold both",
        ),
        ([fold_run(0, [0, 1], ["a", "b"], {"r": [0, np.nan]})], "probabilities of r must lie in"),
        ([fold_run(0, [0, 1], ["a", "b"], {"r": [0, 1]}, thresholds={"s": 0.5})], "r has no threshold"),
    ],
)
def test_what_is_no_cross_validation(runs, message: str):
    with pytest.raises(InputError, match=message):
        measured(runs)


def test_predictions_can_be_measured_again(tmp_path):
    runs = random_runs()
    write_fold_predictions(tmp_path / "predictions.csv", runs)
    with (tmp_path / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == sum(len(run.predictions) for run in runs)
    run = runs[5]
    mine = [line for line in lines if (line["fold"], line["seed"], line["head_seed"]) == ("1", "0", "1")]
    assert [float(line["probability_a"]) for line in mine] == run.predictions.probabilities["a"].tolist()
    assert [line["group_id"] for line in mine] == run.predictions.group_id
    assert [int(line["label"]) for line in mine] == list(run.predictions.labels)
    for line in mine:
        assert line["decision_b"] == str(int(float(line["probability_b"]) >= 0.45))
        assert line["probability_c"] == line["decision_c"] == ""
    assert [line["index"] for line in mine] == [str(number) for number in range(48)]
