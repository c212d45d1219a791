"""The steps: each a component (data) and an executor (what it does), as in TFX."""

from lungnet.components.array_example_gen import ArrayExampleGen
from lungnet.components.augmenter import Augmenter
from lungnet.components.baseline_trainer import BaselineTrainer
from lungnet.components.cae_trainer import CaeTrainer
from lungnet.components.calm_trainer import CalmTrainer
from lungnet.components.evaluator import Evaluator
from lungnet.components.example_validator import ExampleValidator
from lungnet.components.feature_gen import FeatureGen
from lungnet.components.gan_evaluator import GanEvaluator
from lungnet.components.gan_trainer import GanTrainer
from lungnet.components.hard_negative_miner import HardNegativeMiner
from lungnet.components.infra_validator import InfraValidator
from lungnet.components.lidc_example_gen import LidcExampleGen
from lungnet.components.method import method_pipeline
from lungnet.components.onnx_exporter import OnnxExporter
from lungnet.components.pusher import Pusher
from lungnet.components.statistics_gen import StatisticsGen

__all__ = [
    "ArrayExampleGen",
    "Augmenter",
    "BaselineTrainer",
    "CaeTrainer",
    "CalmTrainer",
    "Evaluator",
    "ExampleValidator",
    "FeatureGen",
    "GanEvaluator",
    "GanTrainer",
    "HardNegativeMiner",
    "InfraValidator",
    "LidcExampleGen",
    "OnnxExporter",
    "Pusher",
    "StatisticsGen",
    "method_pipeline",
]
