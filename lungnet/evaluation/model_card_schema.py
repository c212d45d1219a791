"""What `model_card.json` holds: `ModelCard`, and its JSON Schema from `ModelCard.model_json_schema()`.

Fields are named as in Google's Model Card Toolkit where it has them (`model_details`, `model_parameters`,
`quantitative_analysis`, `considerations`). `decision`, `training` and `origin` are lungnet's own, and numbers
are numbers.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Version(_Part):
    """Attributes: `name`, lungnet's version and the beginning of the fingerprint; `date`, of the "
    "evaluation."""

    name: str
    date: str = ""


class License(_Part):
    """Attributes: `identifier` (SPDX), empty where none is known; `custom_text`, what to know of it."""

    identifier: str = ""
    custom_text: str = ""


class Reference(_Part):
    """Attributes: `reference`, a citation or a link."""

    reference: str


class Owner(_Part):
    """Attributes: `name`; `contact`. Only whoever publishes the model can fill them in."""

    name: str
    contact: str = ""


class ModelDetails(_Part):
    """What the model is.

    Attributes:
        name, overview, documentation: in words.
        owners: of the model; empty until its publisher says.
        version, licenses, references: see there.
    """

    name: str
    overview: str
    documentation: str
    owners: tuple[Owner, ...] = ()
    version: Version
    licenses: tuple[License, ...] = ()
    references: tuple[Reference, ...] = ()


class Dataset(_Part):
    """Data that trained and judged the model.

    Attributes:
        name, description, link: which.
        licenses: of the data.
        citations: attribution that the licence asks for.
        synthetic: the pixels were computed (a phantom).
    """

    name: str
    description: str
    link: str = ""
    licenses: tuple[License, ...] = ()
    citations: tuple[str, ...] = ()
    synthetic: bool = False


class KeyVal(_Part):
    """Attributes: `key`, name of an input or output; `value`, what it holds."""

    key: str
    value: str


class ModelParameters(_Part):
    """What goes in and what comes out.

    Attributes:
        model_architecture: in words.
        data: that trained and judged it.
        splits: split -> counts of patches, positives, negatives, synthetic ones, nodules, patients, series.
        input_format, output_format: in words.
        input_format_map, output_format_map: name by name.
    """

    model_architecture: str
    data: tuple[Dataset, ...]
    splits: dict[str, dict[str, int]] = {}
    input_format: str
    input_format_map: tuple[KeyVal, ...]
    output_format: str
    output_format_map: tuple[KeyVal, ...]


class ConfidenceInterval(_Part):
    """Attributes: `lower_bound`, `upper_bound`; `confidence`, 0.95 for instance; `unit`, "group" or "
    ""patch"."""

    lower_bound: float
    upper_bound: float
    confidence: Share
    unit: str


class PerformanceMetric(_Part):
    """A measure on evaluation patches.

    Attributes:
        type: "auc", "accuracy", "recall" ...
        value: None where it is undefined.
        confidence_interval: None where there is none.
        threshold: at which it was measured; None where it needs none.
        slice: on which patches, and at which prevalence.
    """

    type: str
    value: float | None
    confidence_interval: ConfidenceInterval | None = None
    threshold: float | None = None
    slice: str


class QuantitativeAnalysis(_Part):
    """Attributes: `performance_metrics`; `evaluation_data`, on what they were measured, in words."""

    performance_metrics: tuple[PerformanceMetric, ...]
    evaluation_data: str


class Description(_Part):
    """Attributes: `description`, a sentence or two."""

    description: str


class Risk(_Part):
    """Attributes: `name`, what may go wrong; `mitigation_strategy`, what was done or has to be done."""

    name: str
    mitigation_strategy: str


class Considerations(_Part):
    """Who may use it for what, and what it must not be used for.

    Attributes:
        users, use_cases: intended.
        out_of_scope: what it is not for.
        limitations: what it was not tested on, and what weakens the numbers.
        tradeoffs: of the threshold.
        ethical_considerations: risks.
    """

    users: tuple[Description, ...]
    use_cases: tuple[Description, ...]
    out_of_scope: tuple[Description, ...]
    limitations: tuple[Description, ...]
    tradeoffs: tuple[Description, ...] = ()
    ethical_considerations: tuple[Risk, ...] = ()


class Decision(_Part):
    """From probability to decision.

    Attributes:
        threshold: positive from this probability on.
        threshold_origin: where it comes from.
        calibration: how the probability follows from the logit, as `classifier.json` has it; may be empty.
        expected_calibration_error, brier_score: on the evaluation patches.
        training_prevalence: share of positives in training, which calibration and threshold take for granted;
            None if unknown.
        evaluation_prevalence: share of positives among the evaluation patches.
        blessed: whether the evaluation found it good enough.
        checks: why, or why not.
    """

    threshold: Share
    threshold_origin: str
    calibration: dict[str, Any] = {}
    expected_calibration_error: float
    brier_score: float | None
    training_prevalence: Share | None = None
    evaluation_prevalence: Share
    blessed: bool
    checks: tuple[str, ...]


class Training(_Part):
    """Attributes: `configuration`, all settings that can have changed the model; `course`, how it went."""

    configuration: dict[str, Any] = {}
    course: dict[str, Any] = {}


class Origin(_Part):
    """Which model it is, and how to find what led to it.

    Attributes:
        row: of the paper's Table 1.
        task: "nodule" or "malignancy".
        fingerprint: SHA-256 of weights and configuration; the exported files state it too. Empty if unknown.
        lineage: the classifier's artifact in its pipeline root, which `lungnet lineage` takes; empty for
            unknown.
        artifact_sha256: of that artifact's files.
        software: library -> version.
    """

    row: str
    task: str
    fingerprint: str = ""
    lineage: str = ""
    artifact_sha256: str = ""
    software: dict[str, str] = {}


class ModelCard(_Part):
    """A model card.

    Attributes:
        schema_version: "lungnet.model_card/1".
        model_details, model_parameters, quantitative_analysis, considerations, decision, training, origin:
            see there.

    Example:
        >>> ModelCard.model_json_schema()["title"]
        'ModelCard'
    """

    schema_version: Literal["lungnet.model_card/1"] = "lungnet.model_card/1"
    model_details: ModelDetails
    model_parameters: ModelParameters
    quantitative_analysis: QuantitativeAnalysis
    considerations: Considerations
    decision: Decision
    training: Training
    origin: Origin
