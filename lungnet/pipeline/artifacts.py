"""Types of the things that steps exchange. A type says its file tree in its docstring."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar


@dataclass
class Artifact:
    """A folder that one step wrote and others read.

    Attributes:
        uri: the folder.
        properties: JSON values that describe it, set by the executor.
    """

    TYPE_NAME: ClassVar[str] = "Artifact"

    uri: Path
    properties: dict[str, Any] = field(default_factory=dict)

    def __init_subclass__(cls) -> None:
        cls.TYPE_NAME = cls.__name__


class Examples(Artifact):
    """Labelled 40 x 40 patches.

    ```
    Split-train/data_tfrecord-00000-of-00004.gz     records of `lungnet.patches`
    Split-validation/...                            patients (groups) cut from training
    Split-eval/...                                  never trained on, never synthetic
    ```

    Properties: `split_names`, `unit` (what a split never parts), `data_description`.
    """


class Cohort(Artifact):
    """What entered and what was left out.

    ```
    cohort.json     funnel, exclusions with their reasons, split of the patients
    ```
    """


class Statistics(Artifact):
    """What the splits hold.

    ```
    statistics.json     for each split: counts by label and source, patients, HU histogram
    ```
    """


class Anomalies(Artifact):
    """What is wrong with the splits.

    ```
    anomalies.json      a list of anomalies: kind, split, count, sentence, severity
    ```

    Properties: `blessed` (1 where there is none that fails the run).
    """


class Generator(Artifact):
    """A generator of positive patches.

    ```
    generator.keras     z (latent_dim) -> patch (40, 40, 1) in [0, 1]
    generator.json      window_hu, latent_dim
    history.json        losses, critic distance and gradient norm over the generator's steps
    ```
    """


class Encoder(Artifact):
    """The convolutional encoder.

    ```
    encoder.keras       patch (40, 40, 1) in [0, 1] -> features
    encoder.json        window_hu, number of features
    history.json        reconstruction error of each layer, and of fine-tuning
    ```
    """


class Features(Artifact):
    """The encoder's features of every patch.

    ```
    Split-train/data_tfrecord-00000-of-00001.gz     features, label, group_id, source
    Split-validation/...
    Split-eval/...
    ```
    """


class Classifier(Artifact):
    """A classifier from Hounsfield units to probability, with everything inside.

    ```
    Format-Serving/saved_model.pb   patches_hu int16 (b, 40, 40) -> probability (b,), cluster (b,)
    classifier.json                 row, task, window, threshold, calibrator, prevalence in training
    history.json                    what training went through
    ```
    """


class Predictions(Artifact):
    """What each classifier says of each evaluation patch.

    ```
    predictions.csv
    ```
    """


class Evaluation(Artifact):
    """The paper's table and figures, measured here.

    ```
    metrics.json    report.md    figures/*.png
    ```
    """


class ModelBlessing(Artifact):
    """Whether the model may be used.

    ```
    BLESSED | NOT_BLESSED
    ```

    Properties: `blessed` (0 or 1).
    """


class OnnxModel(Artifact):
    """The classifier for ONNX Runtime.

    ```
    classifier.onnx     patches_hu int16 [batch, 40, 40] -> probability [batch], cluster [batch]
    parity.json         largest difference between Keras and ONNX Runtime, by batch size
    ```
    """


class InfraBlessing(Artifact):
    """Whether the file runs where it will be used: in a fresh process, without TensorFlow.

    ```
    INFRA_BLESSED | INFRA_NOT_BLESSED
    infra_validation.json     what was asked of it, and what it answered
    ```

    Properties: `blessed` (0 or 1).
    """


class PushedModel(Artifact):
    """A model that was delivered to a serving folder.

    ```
    classifier.onnx     a copy of what was delivered
    ```

    Properties: `pushed` (0 or 1), `pushed_destination` (the version's folder), `pushed_version`.
    """
