"""What Evaluator does."""

import datetime
import json
import logging
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lungnet.components.evaluator.looking import where_it_looked
from lungnet.config import EvaluationConfig
from lungnet.evaluation import (
    QUALITY_FIGURES,
    EvaluationInputs,
    Pictures,
    Predictions,
    RowResult,
    Uncalibrated,
    evaluate,
    log_evaluation,
    real_vs_synthetic_auc,
    write_predictions,
    write_report,
)
from lungnet.evaluation.subgroups import PROPERTIES
from lungnet.files import write_json
from lungnet.models import CalibrationMethod, LoadedClassifier, load_classifier
from lungnet.patches import SPLITS, ExampleArrays, load_examples, load_features, summarize
from lungnet.pipeline import Artifact, BaseExecutor
from lungnet.pipeline.sources import library_versions

_LOGGER = logging.getLogger(__name__)

_THRESHOLDS = {
    "patient": "frozen on inner-validation patients (groups)",
    "nodule": "frozen on other nodules of the patient who trained, for there was no further one",
    "patch": "frozen on inner-validation patches of the random split",
}
#: Fewer patches of a kind than this cannot be told apart by cross-validation.
_FEWEST = 10


class Executor(BaseExecutor):
    """Asks every classifier about the evaluation split; says how it went, and whether it will do."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.Evaluator`."""
        config = EvaluationConfig(**exec_properties["evaluation"])
        seed, configuration = exec_properties["seed"], exec_properties["configuration"]
        examples = input_dict["examples"][0]
        splits = {split: load_examples(examples.uri, split) for split in SPLITS}
        train, held = splits["train"], splits["eval"]
        asked = self._ask(input_dict["classifiers"], held)
        candidate = next(iter(asked.values()))
        baseline = _baseline(input_dict, held, candidate)
        inputs = EvaluationInputs(
            labels=held.labels,
            groups=held.group_id,
            rows={row: one.result for row, one in asked.items()},
            split_unit=examples.properties["unit"],
            data_description=examples.properties["data_description"],
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            threshold_origin=_THRESHOLDS[examples.properties["unit"]],
            task=configuration["task"],
            summary=summarize(splits, examples.properties["unit"])["splits"],
            cohort=_cohort(input_dict),
            config=configuration,
            real_vs_synthetic_auc=_told_apart(input_dict, seed),
            traits={name: getattr(held, name) for name in PROPERTIES},
            model=asdict(candidate.classifier.metadata),
            software={"python": platform.python_version(), **library_versions()},
            lineage=_lineage(input_dict),
            baseline=baseline.result if baseline else None,
            synthetic_quality=_synthetic_quality(input_dict),
        )
        metrics = evaluate(inputs, config, seed)
        low, high = configuration["window_hu"]
        pictures = Pictures(
            eval_patches_hu=held.patches_hu,
            real_patches_hu=_positives(train, "real"),
            synthetic_patches_hu=_positives(train, "synthetic"),
            window_hu=(low, high),
            looked={
                row: where_it_looked(one.classifier, held, one.result)
                for row, one in asked.items()
                if one is candidate or row == "cnn"
            },
        )
        evaluation = output_dict["evaluation"][0]
        _copy_quality_figures(input_dict, evaluation.uri)
        write_report(evaluation.uri, metrics, inputs, pictures)
        log_evaluation(self.context.tensorboard_dir, evaluation.uri, metrics, inputs)
        write_predictions(
            output_dict["predictions"][0].uri / "predictions.csv",
            Predictions(
                split=["eval"] * len(held),
                patient_id=held.patient_id.tolist(),
                group_id=held.group_id.tolist(),
                series_uid=held.series_uid.tolist(),
                nodule_id=held.nodule_id,
                labels=held.labels,
                source=held.source.tolist(),
                probabilities={row: np.asarray(one.result.probabilities) for row, one in asked.items()},
            ),
        )
        evaluation.properties["auc"] = {
            name: row["own"]["auc"]["value"] for name, row in metrics["rows"].items()
        }
        _bless(output_dict["blessing"][0], metrics["blessing"], candidate, baseline)

    def _ask(self, classifiers: list[Artifact], held: ExampleArrays) -> dict[str, "_Asked"]:
        asked: dict[str, _Asked] = {}
        for done, artifact in enumerate(classifiers):
            one = _ask_one(artifact, held)
            asked[one.result.row] = one
            self.context.progress(done + 1, len(classifiers), one.result.row)
        return asked


@dataclass(frozen=True)
class _Asked:
    """What a classifier says of the evaluation patches."""

    classifier: LoadedClassifier
    result: RowResult

    @property
    def model_id(self) -> str:
        return self.classifier.metadata.fingerprint

    @property
    def task(self) -> str:
        return self.classifier.metadata.task


def _ask_one(artifact: Artifact, held: ExampleArrays) -> _Asked:
    classifier = load_classifier(artifact.uri)
    facts = classifier.metadata
    answers = classifier.explain(held.patches_hu)
    result = RowResult(
        row=facts.row,
        probabilities=answers["probability"].astype(np.float64),
        threshold=facts.threshold,
        history=_read(artifact.uri / "history.json") or None,
        uncalibrated=_uncalibrated(artifact, facts.calibrator.method, answers.get("logit")),
    )
    return _Asked(classifier, result)


def _uncalibrated(artifact: Artifact, method: CalibrationMethod, logits: Any) -> Uncalibrated | None:
    """The last blessed model may be of a version that kept neither logits nor what they were fitted on."""
    file = artifact.uri / "validation.json"
    if logits is None or not file.is_file():
        return None
    validation = _read(file)
    return Uncalibrated(method, logits, validation["labels"], validation["logits"])


def _baseline(input_dict: dict[str, list[Artifact]], held: ExampleArrays, candidate: _Asked) -> _Asked | None:
    """The last blessed model's answers; None without one, or if it answers another question."""
    if not input_dict.get("baseline_model"):
        return None
    baseline = _ask_one(input_dict["baseline_model"][0], held)
    if baseline.task != candidate.task:
        _LOGGER.warning(
            "The last blessed model is for task = %r, not %r: nothing is compared with it.",
            baseline.task,
            candidate.task,
        )
        return None
    return baseline


def _bless(artifact: Artifact, verdict: dict[str, Any], current: _Asked, baseline: _Asked | None) -> None:
    """Writes the verdict, the file that others look for last."""
    ids = {"current_model_id": current.model_id}
    if baseline:
        ids["baseline_model_id"] = baseline.model_id
    write_json(artifact.uri / "blessing.json", {**verdict, **ids, "row": current.result.row})
    (artifact.uri / ("BLESSED" if verdict["blessed"] else "NOT_BLESSED")).touch()
    artifact.properties.update(blessed=int(verdict["blessed"]), **ids)
    for check in verdict["checks"]:
        if not check["passed"]:
            _LOGGER.warning("%s is not blessed: %s", current.result.row, check["sentence"])


def _told_apart(input_dict: dict[str, list[Artifact]], seed: int) -> float | None:
    """How well real and synthetic training positives are told apart by the encoder's features."""
    if "features" not in input_dict:
        return None
    train = load_features(input_dict["features"][0].uri, "train")
    real = train.features[(train.labels == 1) & (train.source == "real")]
    synthetic = train.features[train.source == "synthetic"]
    return real_vs_synthetic_auc(real, synthetic, seed) if min(len(real), len(synthetic)) >= _FEWEST else None


def _lineage(input_dict: dict[str, list[Artifact]]) -> dict[str, Any]:
    """What the evaluation takes, by the names that `lungnet lineage` knows; the store has more, once it "
    "ends."""
    taken = [
        {"type": one.TYPE_NAME, "uri": _place(one), "sha256": one.digest}
        for several in input_dict.values()
        for one in several
    ]
    candidate = input_dict["classifiers"][0]
    return {"model": _place(candidate), "model_sha256": candidate.digest, "artifacts": taken}


def _place(artifact: Artifact) -> str:
    """Where an artifact lies in its root: component, output key, execution."""
    return "/".join(artifact.uri.parts[-3:])


def _cohort(input_dict: dict[str, list[Artifact]]) -> dict[str, Any] | None:
    return _read(input_dict["cohort"][0].uri / "cohort.json") if "cohort" in input_dict else None


def _synthetic_quality(input_dict: dict[str, list[Artifact]]) -> dict[str, Any] | None:
    return _read(input_dict["quality"][0].uri / "quality.json") if "quality" in input_dict else None


def _copy_quality_figures(input_dict: dict[str, list[Artifact]], report: Path) -> None:
    """Puts the figures of the synthetic patches beside those of the report, which links to them."""
    for artifact in input_dict.get("quality", []):
        for path in QUALITY_FIGURES.values():
            if (artifact.uri / path).is_file():
                (report / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(artifact.uri / path, report / path)


def _positives(train: ExampleArrays, source: str) -> Any:
    return train.patches_hu[(train.labels == 1) & (train.source == source)]


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value
