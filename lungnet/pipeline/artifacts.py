"""Types of the things that steps exchange. A type says its file tree in its docstring."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar


@dataclass
class Artifact:
    """A folder that one step wrote and others read.

    Attributes:
        TYPE_NAME: the class's name, which records and channels use.
        PROPERTIES: standard properties and the type of their values, named as in TFX where it has them.
        uri: the folder.
        properties: JSON values that describe it, set by the executor. Those that `PROPERTIES` does not
            name are free in type.
        id: in the lineage store; 0 for one that is not there.
        digest: SHA-256 of its files, as `lungnet.pipeline.digests` has it; empty until it is complete.
    """

    TYPE_NAME: ClassVar[str] = "Artifact"
    PROPERTIES: ClassVar[Mapping[str, type]] = {}

    uri: Path
    properties: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    digest: str = ""

    def __init_subclass__(cls) -> None:
        cls.TYPE_NAME = cls.__name__

    def delivered(self) -> list[Path]:
        """What lies outside the artifact's folder and belongs to it: where it is gone, so is the artifact."""
        return []

    def check_properties(self) -> None:
        """Refuses a standard property whose value is of another type; none has to be there.

        A whole number does for a float, and `True` for no number.

        Raises:
            TypeError: with the first wrong one.
        """
        for name, kind in self.PROPERTIES.items():
            value = self.properties.get(name, kind())
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise TypeError(
                    f"Property {name!r} of {self.TYPE_NAME} must be of type {kind.__name__}. "
                    f"Received: {value!r}"
                )


class Examples(Artifact):
    """Labelled 40 x 40 patches.

    ```
    Split-train/
        data_tfrecord-00000-of-00004.gz     GZIP TFRecords, one tf.train.Example a patch; the features are
        ...                                 documented in `lungnet.patches.schema`
    Split-validation/                       patients (groups) cut from training
        data_tfrecord-...
    Split-eval/                             never trained on, never synthetic
        data_tfrecord-...
    ```

    Properties:
        split_names: the splits that there are.
        span, version: of the data, as in TFX; 0 where they have none.
        unit: what a split never parts: "patient" (or the group of an array), "nodule" or "patch".
        data_description: which data, in a sentence or two.
        synthetic: number of synthetic patches, once there are some.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {
        "split_names": list,
        "span": int,
        "version": int,
        "unit": str,
        "data_description": str,
        "synthetic": int,
    }


class Cohort(Artifact):
    """What entered and what was left out.

    ```
    cohort.json     of CT: the funnel, scans and nodules kept, exclusions with their reasons, series without
                    annotations or unreadable, and which patients each split holds;
                    of arrays: the file, its patches, the funnel of the task, and the groups of each split
    ```
    """


class Statistics(Artifact):
    """What the splits hold.

    ```
    statistics.json     unit, whether the split leaks, and for each split: patches by label and source,
                        patients, groups, series, nodules, prevalence, mean, deviation and histogram of HU
    ```

    Properties:
        split_names: the splits that were counted.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"split_names": list}


class Anomalies(Artifact):
    """What is wrong with the splits and did not fail the run.

    ```
    anomalies.json      what was looked for, and a list of what was found: kind, split, count, sentence,
                        severity
    ```

    Properties:
        blessed: 1, for a run in which an anomaly is to fail it keeps none.
        anomalies: how many were found and reported.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"blessed": int, "anomalies": int}


class Generator(Artifact):
    """A generator of positive patches.

    ```
    generator.keras     z (latent_dim) -> patch (40, 40, 1) in [0, 1]
    generator.json      window_hu, latent_dim
    history.json        losses, critic distance and gradient norm over the generator's steps
    ```
    """


class SyntheticQuality(Artifact):
    """How good the generator's patches are.

    ```
    quality.json        every measure, beside that of real against real patches;
                        `lungnet.evaluation.judge_synthetic` documents it
    figures/*.png       intensities and power spectrum, the pairs nearest to copies, the GAN's training
    ```

    Properties:
        synthetic: patches that were drawn to be judged.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"synthetic": int}


class Encoder(Artifact):
    """The convolutional encoder.

    ```
    encoder.keras       patch (40, 40, 1) in [0, 1] -> features
    encoder.json        window_hu, number of features
    history.json        reconstruction error of each layer, and of fine-tuning
    ```

    Properties:
        features: their number.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"features": int}


class Features(Artifact):
    """The encoder's features of every patch, in the order of the examples.

    ```
    Split-train/
        data_tfrecord-00000-of-00001.gz     GZIP TFRecords, one tf.train.Example a patch: features (float32),
                                            label, group_id, source
    Split-validation/
        data_tfrecord-...
    Split-eval/
        data_tfrecord-...
    ```

    Properties:
        features: how many a patch has.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"features": int}


class Classifier(Artifact):
    """A classifier from Hounsfield units to probability, with everything inside.

    ```
    Format-Serving/         a SavedModel: patches_hu int16 (b, 40, 40) -> probability (b,), cluster (b,)
        saved_model.pb
        variables/
    classifier.json         row, task, window, threshold, calibrator, prevalence in training, fingerprint
    validation.json         labels and logits of inner validation: calibration and threshold follow from them
    history.json            what training went through
    ```

    Properties:
        row: of the paper's Table 1.
        threshold: probability from which a patch counts as positive.
        fingerprint: of its weights and of what made them, 64 hexadecimal digits.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"row": str, "threshold": float, "fingerprint": str}


class Predictions(Artifact):
    """What each classifier says of each evaluation patch.

    ```
    predictions.csv     one line a patch: split, patient_id, group_id, series_uid, nodule_id, label, source,
                        and probability_<row> for each classifier
    ```
    """


class Evaluation(Artifact):
    """The paper's table and figures, measured here.

    ```
    report.html             what a researcher reads first: one file with the figures inside
    report.md               the same words
    model_card.json         the model card; `lungnet.evaluation.ModelCard` is its schema
    model_card.md           the same for people
    checklist.md            CLAIM 2024 and TRIPOD+AI, with what the run can answer filled in
    metrics.json            every number of the report; `lungnet.evaluation.evaluate` documents it
    curves.json             ROC, precision-recall and training curves
    figures/*.png           Figures 4 to 6, reliability, real and synthetic patches, worst errors, where the
                            models looked
    ```

    Properties:
        auc: row of Table 1 -> AUC on the evaluation split.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"auc": dict}


class ModelBlessing(Artifact):
    """Whether the model is good enough to be used.

    ```
    BLESSED | NOT_BLESSED   an empty file
    blessing.json           each bound and what was measured against it, in numbers and in a sentence
    ```

    Properties:
        blessed: 0 or 1.
        current_model_id: fingerprint of the model that was judged.
        baseline_model_id: fingerprint of the model that it was compared with; absent without one.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {
        "blessed": int,
        "current_model_id": str,
        "baseline_model_id": str,
    }


class OnnxModel(Artifact):
    """The classifier for ONNX Runtime.

    ```
    classifier.onnx     patches_hu int16 [batch, 40, 40] -> probability [batch], cluster [batch]
    scanner.onnx        slices_hu int16 [slices, height, width] -> probability [slices, rows, columns];
                        only of networks with valid padding
    parity.json         largest difference between Keras and ONNX Runtime, by batch size
    ```

    Properties:
        max_difference: largest difference in probability that the export has seen.
        fingerprint: of the classifier that it was made from.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"max_difference": float, "fingerprint": str}


class InfraBlessing(Artifact):
    """Whether the file runs where it will be used: in a fresh process, without TensorFlow.

    ```
    INFRA_BLESSED | INFRA_NOT_BLESSED   an empty file
    infra_validation.json               what was asked of the model, what it answered, and what speaks
                                        against it
    ```

    Properties:
        blessed: 0 or 1.
        model_sha256: of the file that was asked.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {"blessed": int, "model_sha256": str}


class PushedModel(Artifact):
    """A model that was delivered to a serving folder, or a note that it was not.

    ```
    classifier.onnx     a copy of what was delivered; absent if nothing was
    model.json          what it is: fingerprint, task, threshold, window, SHA-256; absent with it
    model_card.*        the model card of its evaluation, JSON and Markdown; absent with it
    ```

    The serving folder holds the same files as `<destination>/<version>/`, and `scanner.onnx` beside them
    where the export wrote one.

    Properties:
        pushed: 1 where the model is in the serving folder, else 0.
        pushed_destination: the version's folder.
        pushed_version: its number, as text.
        reason: why nothing was pushed.
    """

    PROPERTIES: ClassVar[Mapping[str, type]] = {
        "pushed": int,
        "pushed_destination": str,
        "pushed_version": str,
        "reason": str,
    }

    def delivered(self) -> list[Path]:
        """The version's folder, once there is one."""
        return [Path(self.properties["pushed_destination"])] if self.properties.get("pushed") else []
