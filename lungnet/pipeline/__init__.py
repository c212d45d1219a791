"""What makes steps a pipeline: artifact types, component specs, launcher and records."""

from lungnet.pipeline.artifacts import (
    Anomalies,
    Artifact,
    Classifier,
    Cohort,
    Encoder,
    Evaluation,
    Examples,
    Features,
    Generator,
    InfraBlessing,
    ModelBlessing,
    OnnxModel,
    Predictions,
    PushedModel,
    Statistics,
)
from lungnet.pipeline.component import REQUIRED, WHOLE, Channel, Component, ComponentSpec, Parameter
from lungnet.pipeline.executor import Executor, ExecutorContext, ProgressFunction, no_progress
from lungnet.pipeline.launcher import launch, load_executor
from lungnet.pipeline.pipeline import LocalRunner, Pipeline

__all__ = [
    "REQUIRED",
    "WHOLE",
    "Anomalies",
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
    "InfraBlessing",
    "LocalRunner",
    "ModelBlessing",
    "OnnxModel",
    "Parameter",
    "Pipeline",
    "Predictions",
    "ProgressFunction",
    "PushedModel",
    "Statistics",
    "launch",
    "load_executor",
    "no_progress",
]
