"""The configuration of a run as one."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lungnet.config.data import (
    PatchRules,
    SelectionRules,
    SplitRules,
    ValidationConfig,
)
from lungnet.config.delivery import (
    EvaluationConfig,
    ExportConfig,
    InfraValidationConfig,
    PusherConfig,
    ScanConfig,
)
from lungnet.config.distribution import DistributionConfig
from lungnet.config.learning import (
    AugmentConfig,
    BaselineConfig,
    CaeConfig,
    CalibrationConfig,
    CalmConfig,
    GanConfig,
)
from lungnet.config.mining import MiningConfig
from lungnet.config.quality import QualityConfig
from lungnet.config.section import Section


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
    distribution: DistributionConfig = DistributionConfig()
    quality: QualityConfig = QualityConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()
    infra_validation: InfraValidationConfig = InfraValidationConfig()
    pusher: PusherConfig = PusherConfig()
    scan: ScanConfig = ScanConfig()
    mining: MiningConfig = MiningConfig()

    @model_validator(mode="after")
    def _increasing_window(self) -> "Config":
        if self.window_hu[0] >= self.window_hu[1]:
            raise ValueError(f"window_hu must be increasing. Received: {self.window_hu}")
        return self

    @model_validator(mode="after")
    def _minable(self) -> "Config":
        """A scanner must come of the first round, and true labels and series of training alone be there."""
        needed = {
            "task": (self.task, "nodule"),
            "cae.padding": (self.cae.padding, "valid"),
            "split.by": (self.split.by, "patient"),
            "patches.shuffle_labels": (self.patches.shuffle_labels, False),
        }
        for name, (value, expected) in needed.items():
            if self.mining.rounds and value != expected:
                raise ValueError(
                    f"mining.rounds = {self.mining.rounds} needs {name} = {expected!r}. Received: {value!r}"
                )
        return self
