"""What makes steps a pipeline: artifact types, component specs, launcher and records."""

from lungnet.pipeline.artifacts import (
    Artifact,
    Classifier,
    Cohort,
    Encoder,
    Evaluation,
    Examples,
    Features,
    Generator,
    ModelBlessing,
    OnnxModel,
    Predictions,
    Statistics,
)
from lungnet.pipeline.component import REQUIRED, WHOLE, Channel, Component, ComponentSpec, Parameter
from lungnet.pipeline.executor import Executor, ExecutorContext, ProgressFunction, no_progress
from lungnet.pipeline.launcher import launch, load_executor
from lungnet.pipeline.pipeline import LocalRunner, Pipeline

__all__ = [
    "REQUIRED",
    "WHOLE",
    "Artifact",
    "Channel",
    "Classifier",
    "Cohort",
    "Component",
    "ComponentSpec",
    "Encoder",
    "Evaluation",
    "Examples",
    "Executor",
    "ExecutorContext",
    "Features",
    "Generator",
    "LocalRunner",
    "ModelBlessing",
    "OnnxModel",
    "Parameter",
    "Pipeline",
    "Predictions",
    "ProgressFunction",
    "Statistics",
    "launch",
    "load_executor",
    "no_progress",
]
