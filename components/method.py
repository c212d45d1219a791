"""The paper's method as one pipeline, from CT or from arrays."""

from pathlib import Path
from typing import Any

from lungnet.components.array_example_gen import ArrayExampleGen
from lungnet.components.augmenter import Augmenter
from lungnet.components.baseline_trainer import ROWS as BASELINE_ROWS
from lungnet.components.baseline_trainer import BaselineTrainer
from lungnet.components.cae_trainer import CaeTrainer
from lungnet.components.calm_trainer import CalmTrainer
from lungnet.components.evaluator import Evaluator
from lungnet.components.example_validator import ExampleValidator
from lungnet.components.feature_gen import FeatureGen
from lungnet.components.gan_evaluator import GanEvaluator
from lungnet.components.gan_trainer import GanTrainer
from lungnet.components.infra_validator import InfraValidator
from lungnet.components.lidc_example_gen import LidcExampleGen
from lungnet.components.onnx_exporter import OnnxExporter
from lungnet.components.pusher import Pusher
from lungnet.components.statistics_gen import StatisticsGen
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Component, LatestBlessedModelResolver, Node, Pipeline


def method_pipeline(
    config: Config,
    *,
    data: str | Path | None = None,
    arrays: str | Path | None = None,
    elsewhere: bool = False,
) -> Pipeline:
    """Wires every step of the paper.

    Args:
        config: of the run.
        data: folder of CT series (DICOM or .mhd) with the readers' annotations.
        arrays: `.npz` of patches that were cut elsewhere. Exactly one of the two is given.
        elsewhere: the path is that of other machines, absolute, and not looked for on this one.

    Raises:
        InputError: both or none of `data` and `arrays`, or the path does not exist (is relative, for
            `elsewhere`).
    """
    if (data is None) == (arrays is None):
        raise InputError("Expected either a folder of CT series or a file of arrays.")
    example_gen = _example_gen(data, arrays, elsewhere)
    validation = _validation(example_gen)
    gan = GanTrainer(examples=example_gen.outputs["examples"])
    augmenter = Augmenter(examples=example_gen.outputs["examples"], generator=gan.outputs["generator"])
    examples = augmenter.outputs["examples"]
    # What a generator adds is looked at as closely as what came in: it may copy an evaluation patch, draw one
    # patch again and again, or stand in a split where one measures.
    augmented_validation = _validation(augmenter, "augmented")
    cae = CaeTrainer(examples=examples)
    gan_evaluator = GanEvaluator(
        examples=example_gen.outputs["examples"],  # the real ones
        generator=gan.outputs["generator"],
        encoder=cae.outputs["encoder"],
    )
    features = FeatureGen(examples=examples, encoder=cae.outputs["encoder"])
    calm = CalmTrainer(features=features.outputs["features"], encoder=cae.outputs["encoder"])
    available: dict[str, Any] = {
        "features": features.outputs["features"],
        "encoder": cae.outputs["encoder"],
        "examples": example_gen.outputs["examples"],  # rows on patches have no GAN in front of them
    }
    baselines = [
        BaselineTrainer(row=row, **{key: available[key] for key in BASELINE_ROWS[row].inputs})
        for row in config.baselines.rows
    ]
    classifiers = [component.outputs["classifier"] for component in (calm, *baselines)]
    latest_blessed = LatestBlessedModelResolver(calm.outputs["classifier"])
    evaluator = Evaluator(
        examples=examples,
        features=features.outputs["features"],
        classifiers=classifiers,
        cohort=example_gen.outputs["cohort"],
        baseline_model=latest_blessed.outputs["model"],
        quality=gan_evaluator.outputs["quality"],
    )
    exporter = OnnxExporter(examples=examples, classifier=calm.outputs["classifier"])
    infra_validator = InfraValidator(
        examples=examples, classifier=calm.outputs["classifier"], model=exporter.outputs["model"]
    )
    pusher = Pusher(
        model=exporter.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
    )
    steps: list[Node] = [
        *(example_gen, *validation, gan, augmenter, *augmented_validation),
        *(cae, gan_evaluator, features, calm, *baselines),
        *(latest_blessed, evaluator, exporter, infra_validator, pusher),
    ]
    return Pipeline(steps, config)


def _example_gen(data: str | Path | None, arrays: str | Path | None, elsewhere: bool) -> Component:
    if data is not None:
        if not (elsewhere or Path(data).is_dir()):
            raise InputError(f"{data} is no folder; expected a folder of CT series.")
        return LidcExampleGen(input_base=_absolute(data, elsewhere))
    if not (elsewhere or Path(str(arrays)).is_file()):
        raise InputError(f"{arrays} is no file; expected an .npz of patches.")
    return ArrayExampleGen(input_file=_absolute(str(arrays), elsewhere))


def _absolute(path: str | Path, elsewhere: bool) -> str:
    if not elsewhere:
        return str(Path(path).resolve())
    if not Path(path).is_absolute():
        raise InputError(f"{path} is relative; expected the absolute path that other machines see.")
    return str(path)


def _validation(producer: Component, what: str = "") -> tuple[StatisticsGen, ExampleValidator]:
    """Counts and judges the examples of a component, before those that come after it train on them."""
    examples = producer.outputs["examples"]
    suffix = f".{what}" if what else ""
    statistics = StatisticsGen(component_id=f"StatisticsGen{suffix}", examples=examples)
    validator = ExampleValidator(
        component_id=f"ExampleValidator{suffix}",
        examples=examples,
        statistics=statistics.outputs["statistics"],
    )
    return statistics, validator
