import json
import logging
from collections.abc import Callable

import pytest

from lungnet.components import ExampleValidator, StatisticsGen
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Examples


@pytest.fixture
def validate(do) -> Callable:
    """Statistics and anomalies of examples."""

    def run(examples: Examples, **validation: str):
        statistics = do(StatisticsGen, {"examples": examples})["statistics"]
        config = Config.model_validate({"validation": validation})
        return do(ExampleValidator, {"examples": examples, "statistics": statistics}, config)["anomalies"]

    return run


def found(artifact) -> list[dict]:
    return json.loads((artifact.uri / "anomalies.json").read_text("utf-8"))["anomalies"]


def test_clean_examples_are_blessed(validate, examples, caplog):
    artifact = validate(examples)
    assert found(artifact) == []
    assert artifact.properties == {"blessed": 1, "anomalies": 0}
    assert [path.name for path in artifact.uri.iterdir()] == ["anomalies.json"]
    assert caplog.records == []


def test_a_patient_in_two_splits_ends_the_run(validate, examples_of, patches_of):
    leaking = examples_of(train=patches_of("A") + patches_of("C", first=4))
    with pytest.raises(InputError) as refusal:
        validate(leaking)
    assert str(refusal.value) == (
        "Patient C stands in the splits train and eval; expected each in one of them. "
        "To go on all the same: validation.patient_in_two_splits=report."
    )


def test_what_the_configuration_reports_is_kept_and_logged(validate, examples_of, caplog, patches_of):
    leaking = examples_of(train=patches_of("A") + patches_of("C", first=4))
    artifact = validate(leaking, patient_in_two_splits="report")
    (anomaly,) = found(artifact)
    assert anomaly == {
        "kind": "patient_in_two_splits",
        "split": "train, eval",
        "count": 1,
        "sentence": "Patient C stands in the splits train and eval; expected each in one of them",
        "severity": "report",
    }
    assert artifact.properties == {"blessed": 1, "anomalies": 1}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{anomaly['sentence']}."
    assert found(validate(leaking, patient_in_two_splits="ignore")) == []


def test_synthetic_patches_in_evaluation_end_the_run(validate, examples_of, patches_of):
    made = patches_of("synthetic", source="synthetic", series_uid="")
    validate(examples_of(train=patches_of("A") + made))  # where they may be
    with pytest.raises(InputError, match="The eval split holds 4 synthetic patches"):
        validate(examples_of(eval=patches_of("C") + made))


def test_the_worst_are_quoted_and_all_are_logged(validate, examples_of, caplog, patches_of):
    with pytest.raises(InputError) as refusal:
        validate(examples_of(train=patches_of("C"), validation=patches_of("C"), eval=patches_of("C")))
    text = str(refusal.value)
    assert text.startswith("Patient C stands in the splits train and eval;")
    assert "and 6 more, which the log has" in text  # 3 pairs of splits, 3 kinds
    assert text.endswith(
        "To go on all the same: validation.patient_in_two_splits=report, "
        "validation.nodule_in_two_splits=report, validation.duplicate_across_splits=report."
    )
    assert len(caplog.records) == 9


def test_a_random_split_is_reported(validate, examples_of, patches_of):
    artifact = validate(examples_of("patch", train=patches_of("A") + patches_of("C", first=4)))
    assert [anomaly["severity"] for anomaly in found(artifact)] == ["report"]


def test_an_empty_split_ends_the_run(validate, examples_of):
    with pytest.raises(InputError, match="The validation split holds no patch"):
        validate(examples_of(validation=[]))


def test_statistics_of_other_examples_are_refused(do, examples, examples_of, patches_of):
    other = do(StatisticsGen, {"examples": examples_of(eval=patches_of("C", 6))})["statistics"]
    with pytest.raises(InputError, match=r"other examples: expected 4 patches in .*eval.* Received: 6"):
        do(ExampleValidator, {"examples": examples, "statistics": other})
