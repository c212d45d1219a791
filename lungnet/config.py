"""The configuration: every number that can change a result, with the paper's values as defaults.

Models are frozen and refuse unknown keys. `lungnet.presets.load_config` fills them from a preset, a
TOML file and `key=value` settings. Section numbers refer to the paper.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]

#: What an anomaly does: ends the run, is logged and kept, or is not looked for.
Severity = Literal["fail", "report", "ignore"]

#: Rows of Table 1, in the paper's order.
Row = Literal["gan_cae_calm", "gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn"]


class Section(BaseModel):
    """Base of all sections: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
        shards: TFRecord files of each split.
    """

    patches_per_nodule: Count = 5
    max_offset_px: Annotated[int, Field(ge=0, le=19)] = 10
    negatives_per_positive: Positive = 1.0
    negative_surplus: NonNegative = 0.5
    min_lung_fraction: Fraction = 0.5
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


class GanConfig(Section):
    """WGAN with gradient penalty (section 4).

    Attributes:
        latent_dim: length of z.
        generator_steps: updates of the generator.
        critic_steps: updates of the critic before each of them.
        batch_size: patches a critic update sees.
        gradient_penalty_weight: lambda.
        learning_rate, beta_1, beta_2: Adam, for both networks.
        width: channels of the largest feature map; deeper ones have 2 and 4 times as many.
        ema_decay: decay of the averaged generator that is kept; 0 keeps the last one.
    """

    latent_dim: Count = 128
    generator_steps: Count = 10_000
    critic_steps: Count = 5
    batch_size: Count = 64
    gradient_penalty_weight: NonNegative = 10.0
    learning_rate: Positive = 1e-4
    beta_1: Fraction = 0.0
    beta_2: Fraction = 0.9
    width: Count = 32
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class AugmentConfig(Section):
    """Synthetic patches for training (section 6).

    Attributes:
        rate: synthetic positives per real positive of the training split.
    """

    rate: NonNegative = 0.5


class CaeConfig(Section):
    """Layer-wise convolutional autoencoder (sections 3.5 and 4, Algorithm 1).

    Attributes:
        filters, kernels: of the convolutions, each followed by ReLU and 2 x 2 max pooling.
        padding: "valid" gives 450 features of a 40 x 40 patch, "same" 1,250.
        decoder: what a layer is trained to undo: "after_pool" (convolution and pooling) or
            "before_pool" (the convolution alone, the paper to the letter).
        epochs: passes of each layer over the training patches.
        batch_size, learning_rate, momentum: of stochastic gradient descent.
        denoising: share of inputs set to zero before encoding (section 3.3), 0 for none.
        tied: the decoder's kernel is the encoder's (section 3.2).
        fine_tune_epochs: passes with labels after the greedy phase ("some data is used for
            fine-tuning"); 0 for none.
        fine_tune_learning_rate: of Adam in that phase.
        fine_tune_flips: random flips and right-angle rotations in that phase.
    """

    filters: tuple[Count, ...] = (50, 50, 50)
    kernels: tuple[Count, ...] = (5, 3, 3)
    padding: Literal["valid", "same"] = "valid"
    decoder: Literal["after_pool", "before_pool"] = "after_pool"
    epochs: Count = 150
    batch_size: Count = 100
    learning_rate: Positive = 0.01
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    denoising: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    tied: bool = False
    fine_tune_epochs: CountOrNone = 20
    fine_tune_learning_rate: Positive = 1e-3
    fine_tune_flips: bool = False

    @model_validator(mode="after")
    def _as_many_kernels_as_filters(self) -> "CaeConfig":
        if len(self.filters) != len(self.kernels):
            raise ValueError(
                f"filters and kernels must be equally long. Received: {self.filters}, {self.kernels}"
            )
        return self


class CalmConfig(Section):
    """Clustering augmented learning method (section 5).

    Attributes:
        clusters: |C|.
        hidden: neurons of FC1 and FC2.
        leaky_slope: negative slope of the leaky ReLUs.
        importance: "absolute" averages |w| over FC1's neurons, "signed" w itself (the letter).
        learning_rate, beta_1: of Adam.
        learning_rate_decay: what the rate is multiplied with after each iteration; 1 leaves it (the paper).
        l2: Keras factor; a gradient of 1e-4 w is L2(5e-5).
        batch_size: of the network.
        max_iterations: alternations of learning and clustering at most.
        patience: iterations with unchanged assignment after which the clustering has converged.
        trees: of the random forest that chooses the centres.
        forest_samples: samples each tree is grown on; 0 for as many as there are (the paper; many times
            slower than 1,000).
        center_rule: "forest" takes the sample of least out-of-bag error, among equal ones that of the least
            total dissimilarity to its cluster; "any_of_forest" takes any of them, for the paper breaks no
            ties; "best_of_forest" takes, of the samples that the forest knows best, the one that lowers
            objective (3) most, and keeps the centre where none does.
        center_candidates: samples of each cluster that "best_of_forest" tries.
        keep: "best" keeps the iteration of the least validation loss, "settled" the best of those that
            trained with the last assignment.
        importance_smoothing: share of the previous importance that is kept at each iteration.
        standardise: the network sees features with mean 0 and variance 1; the scale is part of the
            network, and importance counts it.
    """

    clusters: Annotated[int, Field(ge=2)] = 2
    hidden: tuple[Count, Count] = (128, 32)
    leaky_slope: NonNegative = 0.01
    importance: Literal["absolute", "signed"] = "absolute"
    learning_rate: Positive = 1e-3
    learning_rate_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    beta_1: Fraction = 0.9
    l2: NonNegative = 5e-5
    batch_size: Count = 100
    max_iterations: Count = 150
    patience: Count = 10
    trees: Count = 100
    forest_samples: CountOrNone = 0
    center_rule: Literal["forest", "any_of_forest", "best_of_forest"] = "forest"
    center_candidates: Count = 20
    keep: Literal["best", "settled"] = "best"
    importance_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    standardise: bool = False


class BaselineConfig(Section):
    """The rivals of Table 1.

    Attributes:
        rows: which of them are trained.
        nn_epochs: passes of the plain network on the features.
        lr_c, svm_c: inverse regularisation of logistic regression and of the linear SVM.
        ae_units: fully connected layer of the autoencoder of reference [9].
        ae_epochs, ae_batch_size, ae_learning_rate, ae_tree_depth: its training (Adam) and the depth of the
            decision tree on top.
        cnn_steps, cnn_batch_size, cnn_learning_rate: the convolutional network's training, whose rate
            falls along a cosine.
        cnn_flips: random flips and right-angle rotations while it trains.
    """

    rows: tuple[Row, ...] = ("gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn")
    nn_epochs: Count = 150
    lr_c: Positive = 1.0
    svm_c: Positive = 1.0
    ae_units: Count = 1024
    ae_epochs: Count = 50
    ae_batch_size: Count = 100
    ae_learning_rate: Positive = 1e-3
    ae_tree_depth: Count = 8
    cnn_steps: Count = 3000
    cnn_batch_size: Count = 128
    cnn_learning_rate: Positive = 1e-3
    cnn_flips: bool = False


class CalibrationConfig(Section):
    """What turns a classifier's logit into the exported probability, fitted on validation patches.

    Attributes:
        method: "platt" (scale and shift of the logit) or "none".
    """

    method: Literal["platt", "none"] = "platt"


class EvaluationConfig(Section):
    """How a classifier is judged (section 7).

    Attributes:
        bootstrap: resamples behind each interval.
        confidence: of the intervals.
        min_groups: with fewer patients (groups) intervals are over patches, and labelled so.
        bless_min_auc: an AUC below it makes the model NOT_BLESSED.
        bless_min_balanced_accuracy: the same for the balanced accuracy at the model's own threshold.
        bless_max_auc_drop: by how much the AUC may lie below that of the last blessed model, both asked
            about the same evaluation patches.
    """

    bootstrap: Count = 1000
    confidence: Share = 0.95
    min_groups: Count = 10
    bless_min_auc: Fraction = 0.5
    bless_min_balanced_accuracy: Fraction = 0.5
    bless_max_auc_drop: Fraction = 0.01


class ExportConfig(Section):
    """ONNX export.

    Attributes:
        opset: of the graph; 18 is the newest that the converter writes.
        tolerance: largest difference in probability between Keras and ONNX Runtime that passes.
        pad_channels: channels of convolutions are padded with zeros to a multiple of it, which changes
            speed and no result: 16 suits processors with AVX-512; 0 for none.
        split_first: in the classifier, filters of the first convolution beyond a multiple of pad_channels
            are computed apart and not padded, which changes speed alone: faster on CPUs, slower on GPUs.
            Not in "int8".
        precision: of the convolutions. "float16" and "int8" change probabilities: by how much, and what the
            AUC loses, is measured on evaluation patches and stated in the file's metadata.
        calibration_patches: training patches from which "int8" takes the range of each feature map.
        max_auc_loss: AUC that "float16" and "int8" may cost; beyond it the export fails.
    """

    opset: Annotated[int, Field(ge=13, le=18)] = 17
    tolerance: Positive = 1e-4
    pad_channels: Annotated[int, Field(ge=0, le=64)] = 0
    split_first: bool = False
    precision: Literal["float32", "float16", "int8"] = "float32"
    calibration_patches: Count = 512
    max_auc_loss: Fraction = 0.01


class InfraValidationConfig(Section):
    """What InfraValidator asks of an exported file in a fresh process; `export.tolerance` holds there too.

    Attributes:
        batch_sizes: of the questions.
        repeats: how often each batch is timed, after a first time; the median counts.
        max_latency_ms: of the smallest batch.
        timeout_s: after which the process is ended and the model not blessed.
        providers: ONNX Runtime's execution providers in order of preference; none leaves it to
            `lungnet.serving` (CUDA where it starts, else the CPU).
    """

    batch_sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 2, 7, 64, 100)
    repeats: Count = 5
    max_latency_ms: Positive = 1000.0
    timeout_s: Positive = 300.0
    providers: tuple[str, ...] = ()


class PusherConfig(Section):
    """Where blessed models are delivered.

    Attributes:
        destination: folder that holds a folder for each version; empty for `serving_model` in the pipeline
            root.
    """

    destination: str = ""


class ScanConfig(Section):
    """How nodules are found in a whole CT.

    Attributes:
        stride_px: pixels between two positions in a slice: the model's own stride (8) or a part of it, at
            (8 / stride_px)^2 times the cost.
        threshold: least probability of a detection; None takes the model's own decision threshold.
        response_threshold: positions from this probability on are grouped into candidates (or from
            `threshold` on, if that is lower).
        min_distance_mm: of two candidates that lie nearer than this, the stronger one takes in the other.
        max_candidates: the strongest ones that get a second look; the others are dropped.
        second_look: "mean" or "max" of the classifier over offsets about a candidate, "off" for none.
        second_look_px: offsets in rows and columns are 0 and plus and minus this.
    """

    stride_px: Literal[1, 2, 4, 8] = 8
    threshold: Fraction | None = None
    response_threshold: Fraction = 0.1
    min_distance_mm: NonNegative = 10.0
    max_candidates: Count = 100
    second_look: Literal["mean", "max", "off"] = "mean"
    second_look_px: Annotated[int, Field(ge=1, le=10)] = 2


class Config(Section):
    """Everything that can change a result.

    Attributes:
        task: "nodule" (nodule or not, section 6) or "malignancy" (mean rating >= 4 against <= 2, section 5).
        seed: of every random choice.
        window_hu: intensities are clipped to it and scaled to [0, 1], inside the exported graph.
    """

    task: Literal["nodule", "malignancy"] = "nodule"
    seed: Annotated[int, Field(ge=0)] = 0
    window_hu: tuple[float, float] = (-1000.0, 400.0)
    selection: SelectionRules = SelectionRules()
    split: SplitRules = SplitRules()
    patches: PatchRules = PatchRules()
    validation: ValidationConfig = ValidationConfig()
    gan: GanConfig = GanConfig()
    augment: AugmentConfig = AugmentConfig()
    cae: CaeConfig = CaeConfig()
    calm: CalmConfig = CalmConfig()
    baselines: BaselineConfig = BaselineConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()
    infra_validation: InfraValidationConfig = InfraValidationConfig()
    pusher: PusherConfig = PusherConfig()
    scan: ScanConfig = ScanConfig()

    @model_validator(mode="after")
    def _increasing_window(self) -> "Config":
        if self.window_hu[0] >= self.window_hu[1]:
            raise ValueError(f"window_hu must be increasing. Received: {self.window_hu}")
        return self
