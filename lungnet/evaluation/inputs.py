"""What an evaluation is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.shown import Shown
from lungnet.models import CalibrationMethod

#: What the split never parts, as `lungnet.patches.summarize` says it. "patch" leaks.
SplitUnit = Literal["patient", "nodule", "patch"]


@dataclass(frozen=True, eq=False)
class Uncalibrated:
    """What a classifier's probabilities were made from.

    Attributes:
        method: of its calibration, one of `lungnet.models.CALIBRATION_METHODS`.
        logits: of the evaluation patches, `(n,)`, before calibration.
        validation_labels: 0 or 1, `(m,)`, of inner validation.
        validation_logits: `(m,)`, what the calibration was fitted on.
    """

    method: CalibrationMethod
    logits: npt.ArrayLike
    validation_labels: npt.ArrayLike
    validation_logits: npt.ArrayLike


@dataclass(frozen=True, eq=False)
class RowResult:
    """One classifier's answers to the evaluation patches.

    Attributes:
        row: key of Table 1 (`gan_cae_calm` ...), or any other name.
        probabilities: `(n,)` in [0, 1].
        threshold: a patch is called positive when its probability is at least this; settled on
            inner-validation patients.
        history: what happened in its training, plain data; None if nothing is known. Of the row in
            question Figure 4 shows `intra_cluster_variance` and Figure 5 `loss` and `validation_loss`,
            one value an iteration; both mark `kept_iteration` (from 1), and the report says whether the
            clustering `converged`. Other keys are passed on to `curves.json`.
        uncalibrated: for a comparison of calibrations; None if nothing is known.
    """

    row: str
    probabilities: npt.ArrayLike
    threshold: float
    history: Mapping[str, Any] | None = None
    uncalibrated: Uncalibrated | None = None


@dataclass(frozen=True, eq=False)
class EvaluationInputs:
    """Everything that a report tells.

    Attributes:
        labels: 0 or 1, `(n,)`.
        groups: patient, or what stands for one, of each evaluation patch, `(n,)`.
        rows: row key -> answers, the model in question first.
        split_unit: what the split never parts: "patient" (or a group that stands for one), "nodule" (the
            same for the evaluation set, but inner validation shares patients with training), or "patch"
            (at random; the report says that it leaks).
        data_description: which data, in a sentence or two; it contains the word "phantom" when the
            pixels are synthetic, and the report then says what that means.
        date: of the evaluation, as it shall be printed (2026-11-23); empty for none.
        threshold_origin: where the thresholds come from, a clause.
        task: "nodule" or "malignancy".
        summary: split -> what it holds, the `splits` of `lungnet.patches.summarize`; empty for unknown.
        cohort: what was selected, as `lungnet.lidc.Cohort.to_json` gives it; None for data without
            selection. The report takes the funnel, and whatever else is a plain number or text.
        config: the whole configuration, as `Config.model_dump(mode="json")` gives it.
        real_vs_synthetic_auc: how well the two are told apart (`real_vs_synthetic_auc`); None if
            nothing was synthesised.
        traits: columns of the evaluation examples by name, `(n,)` each, for subgroups
            (`lungnet.evaluation.subgroups.PROPERTIES`); empty for none.
        model: facts of the classifier of the first row, as `classifier.json` has them; empty for unknown.
        software: library -> version; empty for unknown.
        lineage: {model: artifact of the first row's classifier in its root, model_sha256, artifacts: [{type,
            uri, sha256, created}], whole: whether these are all that led here or what the evaluation took,
            series: number of CT series}, as far as known.
        baseline: answers of the last blessed model to the same patches, to which the model in question is
            held; None for none. It is no row of the table.
        synthetic_quality: `quality` of `judge_synthetic`; None if the generator was not judged.
    """

    labels: npt.ArrayLike
    groups: npt.ArrayLike
    rows: Mapping[str, RowResult]
    split_unit: SplitUnit
    data_description: str
    date: str = ""
    threshold_origin: str = "frozen on inner-validation patients"
    task: str = "nodule"
    summary: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cohort: Mapping[str, Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    real_vs_synthetic_auc: float | None = None
    traits: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    baseline: RowResult | None = None
    synthetic_quality: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Looked:
    """Where a classifier looked.

    Attributes:
        shown: evaluation patches that were asked about (`choose_shown`).
        occlusion: `(k, rows, columns)` in the order of `shown.all`: log odds lost where the place is covered
            (`occlusion_maps`).
        grad_cam: the same of `lungnet.models.grad_cam`; None for a classifier without convolutions.
    """

    shown: Shown
    occlusion: npt.NDArray[np.floating[Any]]
    grad_cam: npt.NDArray[np.floating[Any]] | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Patches to look at, in Hounsfield units; what is None is left out of the report.

    Attributes:
        eval_patches_hu: int16 `(n, rows, columns)`, in the order of the labels, for the worst errors.
        real_patches_hu: int16 `(m, rows, columns)`, real positives of training.
        synthetic_patches_hu: int16 `(k, rows, columns)`, synthetic positives of training.
        window_hu: black and white.
        looked: row key -> where that classifier looked in some of `eval_patches_hu`; of the row in question
            and of "cnn" there is a figure.
    """

    eval_patches_hu: npt.NDArray[np.int16] | None = None
    real_patches_hu: npt.NDArray[np.int16] | None = None
    synthetic_patches_hu: npt.NDArray[np.int16] | None = None
    window_hu: tuple[float, float] = (-1000.0, 400.0)
    looked: Mapping[str, Looked] = field(default_factory=dict)
