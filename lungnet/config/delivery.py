"""Settings of what comes behind training: judging, exporting, delivering, scanning."""

from typing import Annotated, Literal

from pydantic import Field

from lungnet.config.section import Count, Fraction, NonNegative, Positive, Section, Share


class EvaluationConfig(Section):
    """How a classifier is judged (section 7).

    Attributes:
        bootstrap: resamples behind each interval.
        confidence: of the intervals.
        min_groups: with fewer patients (groups) intervals are over patches, and labelled so.
        min_subgroup: subgroups with fewer patches of a class have counts and no intervals.
        candidate_prevalence: share of nodules among what a detector proposes, at which precision is given
            beside the evaluation set's own prevalence and 50:50 (task "nodule"); LUNA16's list of 551,065
            candidates has 1,351.
        bless_min_auc: an AUC below it makes the model NOT_BLESSED.
        bless_min_balanced_accuracy: the same for the balanced accuracy at the model's own threshold.
        bless_max_auc_drop: by how much the AUC may lie below that of the last blessed model, both asked
            about the same evaluation patches.
    """

    bootstrap: Count = 1000
    confidence: Share = 0.95
    min_groups: Count = 10
    min_subgroup: Count = 10
    candidate_prevalence: Share = 1351 / 551_065
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
