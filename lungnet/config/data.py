"""Settings of the data: which scans and patches, how they are parted, what must not be wrong with them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lungnet.config.section import Count, Fraction, NonNegative, Positive, Section, Severity, Share


class SelectionRules(Section):
    """Which scans and nodules enter (section 6), applied in this order.

    Attributes:
        max_slice_thickness_mm: scans with thicker slices are excluded.
        min_readers: nodules marked by fewer readers are excluded.
        outlier_iqr: a nodule is an outlier when its extent in x, y (pixels) or z (mm) lies above
            Q3 + outlier_iqr * IQR of that axis over the remaining nodules; 0 keeps all.
    """

    max_slice_thickness_mm: Positive = 2.5
    min_readers: Annotated[int, Field(ge=1, le=4)] = 3
    outlier_iqr: NonNegative = 1.5


class SplitRules(Section):
    """How series are parted into train, validation and eval (section 6: 8:2).

    Attributes:
        by: "patient", or "random" over patches to reproduce the paper (it leaks, and the report says so).
        eval_fraction: share of patients held out for evaluation.
        validation_fraction: share of the remaining patients on which thresholds, calibration and
            early stopping are settled.
        eval_groups: groups or patients that form the evaluation set instead of a share drawn by hash.
    """

    by: Literal["patient", "random"] = "patient"
    eval_fraction: Share = 0.2
    validation_fraction: Share = 0.15
    eval_groups: tuple[str, ...] = ()


class PatchRules(Section):
    """How 40 x 40 patches are taken (section 6).

    Attributes:
        patches_per_nodule: slices drawn across a nodule's consensus extent.
        max_offset_px: largest translation in x and in y, in pixels.
        negatives_per_positive: balance that training sees, and of validation and evaluation in CT.
        negative_surplus: further training negatives per positive, from which the Augmenter balances
            the synthetic positives.
        min_lung_fraction: least share of negatives whose centre lies in the lung.
        shuffle_labels: deals the labels of every split anew among its nodules and patches: such a run must
            come out at chance (an AUC of about 0.5), or evaluation leaks into training. Its model is never
            blessed.
        shards: TFRecord files of each split.
    """

    patches_per_nodule: Count = 5
    max_offset_px: Annotated[int, Field(ge=0, le=19)] = 10
    negatives_per_positive: Positive = 1.0
    negative_surplus: NonNegative = 0.5
    min_lung_fraction: Fraction = 0.5
    shuffle_labels: bool = False
    shards: Count = 4


class ValidationConfig(Section):
    """What ExampleValidator looks for before anything is trained, and what comes of it.

    Each kind is "fail" (the run ends), "report" (a warning, and a line in `anomalies.json`) or "ignore".
    Where `split.by` is "random", patients and nodules in two splits were asked for: they are reported at
    most.

    Attributes:
        synthetic_outside_training: synthetic patches in a split that measures.
        patient_in_two_splits: a patient, or the group of an array, on both sides.
        nodule_in_two_splits: a nodule on both sides, known by its number or by its centre.
        duplicate_across_splits: the same pixels on both sides, whatever they are called.
        missing_class: a split without patches, or with patches of one class only.
        duplicates: the same pixels twice in a split; what balancing repeats in training does not count.
        hu_out_of_range: patches with a value outside `hu_range`.
        no_lung: a split in which less than `min_lung_share` of the pixels are as dark as lung (below
            -500 HU), as when the rescale intercept was not applied.
        window_share: a split in which less than `min_window_share` of the pixels lie inside `window_hu`,
            so that the models see black and white.
        constant_patches: patches of one value.
        class_balance: a share of positives in training outside `positive_share`.
        positive_share: lowest and highest.
        hu_range: lowest and highest value that a CT gives; the default leaves room for the padding of
            12-bit scanners and for metal on an extended scale.
        min_lung_share, min_window_share: of the pixels of a split.
    """

    synthetic_outside_training: Severity = "fail"
    patient_in_two_splits: Severity = "fail"
    nodule_in_two_splits: Severity = "fail"
    duplicate_across_splits: Severity = "fail"
    missing_class: Severity = "fail"
    duplicates: Severity = "report"
    hu_out_of_range: Severity = "report"
    no_lung: Severity = "report"
    window_share: Severity = "report"
    constant_patches: Severity = "report"
    class_balance: Severity = "report"
    positive_share: tuple[Fraction, Fraction] = (0.1, 0.9)
    hu_range: tuple[int, int] = (-3072, 30_719)
    min_lung_share: Fraction = 0.05
    min_window_share: Fraction = 0.5

    @model_validator(mode="after")
    def _increasing_bounds(self) -> "ValidationConfig":
        for name in ("positive_share", "hu_range"):
            low, high = getattr(self, name)
            if low >= high:
                raise ValueError(f"{name} must be increasing. Received: {(low, high)}")
        return self
