"""The paper's method as one pipeline, from CT or from arrays."""

from dataclasses import dataclass
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
from lungnet.components.hard_negative_miner import HardNegativeMiner
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
        InputError: both or none of `data` and `arrays`, the path does not exist (is relative, for
            `elsewhere`), or hard negatives are to be mined (`mining.rounds`) in arrays.
    """
    if (data is None) == (arrays is None):
        raise InputError("Expected either a folder of CT series or a file of arrays.")
    if config.mining.rounds and data is None:
        raise InputError("mining.rounds = 1 needs whole CTs; expected a folder of them. Received: arrays")
    example_gen = _example_gen(data, arrays, elsewhere)
    validation = _validation(example_gen)
    gan = GanTrainer(examples=example_gen.outputs["examples"])
    first = _round(example_gen, gan)
    gan_evaluator = GanEvaluator(
        examples=example_gen.outputs["examples"],  # the real ones
        generator=gan.outputs["generator"],
        encoder=first.cae.outputs["encoder"],
    )
    last, source = first, example_gen
    mining: list[Node] = []
    if config.mining.rounds:
        # The GAN learns from positives alone, which stay what they are: both rounds share it.
        source = HardNegativeMiner(
            examples=example_gen.outputs["examples"],
            cohort=example_gen.outputs["cohort"],
            classifier=first.calm.outputs["classifier"],
            input_base=_absolute(str(data), elsewhere),
        )
        last = _round(source, gan, "mined")
        mining = [source, *_validation(source, "mined"), *last.steps]
    available: dict[str, Any] = {
        "features": last.features.outputs["features"],
        "encoder": last.cae.outputs["encoder"],
        "examples": source.outputs["examples"],  # rows on patches have no GAN in front of them
    }
    baselines = [
        BaselineTrainer(row=row, **{key: available[key] for key in BASELINE_ROWS[row].inputs})
        for row in config.baselines.rows
    ]
    examples, classifier = last.augmenter.outputs["examples"], last.calm.outputs["classifier"]
    classifiers = [classifier, *(component.outputs["classifier"] for component in baselines)]
    latest_blessed = LatestBlessedModelResolver(classifier)
    evaluator = Evaluator(
        examples=examples,
        features=last.features.outputs["features"],
        classifiers=classifiers,
        cohort=source.outputs["cohort"],
        baseline_model=latest_blessed.outputs["model"],
        quality=gan_evaluator.outputs["quality"],
    )
    exporter = OnnxExporter(examples=examples, classifier=classifier)
    infra_validator = InfraValidator(
        examples=examples, classifier=classifier, model=exporter.outputs["model"]
    )
    pusher = Pusher(
        model=exporter.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
    )
    steps: list[Node] = [
        *(example_gen, *validation, gan, first.augmenter, *first.validation),
        *(first.cae, gan_evaluator, first.features, first.calm, *mining, *baselines),
        *(latest_blessed, evaluator, exporter, infra_validator, pusher),
    ]
    return Pipeline(steps, config)


@dataclass(frozen=True)
class _Round:
    """The steps that train on examples, in the order in which they run."""

    augmenter: Augmenter
    validation: tuple[StatisticsGen, ExampleValidator]
    cae: CaeTrainer
    features: FeatureGen
    calm: CalmTrainer

    @property
    def steps(self) -> tuple[Node, ...]:
        return (self.augmenter, *self.validation, self.cae, self.features, self.calm)


def _round(source: Component, gan: GanTrainer, name: str = "") -> _Round:
    """From the examples of a component to CALM; the ids of a later round end in its name."""

    def named(component: type[Component]) -> str:
        return f"{component.__name__}.{name}" if name else component.__name__

    augmenter = Augmenter(
        component_id=named(Augmenter),
        examples=source.outputs["examples"],
        generator=gan.outputs["generator"],
    )
    examples = augmenter.outputs["examples"]
    # What a generator adds is looked at as closely as what came in: it may copy an evaluation patch, draw one
    # patch again and again, or stand in a split where one measures.
    validation = _validation(augmenter, f"augmented.{name}" if name else "augmented")
    cae = CaeTrainer(component_id=named(CaeTrainer), examples=examples)
    encoder = cae.outputs["encoder"]
    features = FeatureGen(component_id=named(FeatureGen), examples=examples, encoder=encoder)
    calm = CalmTrainer(
        component_id=named(CalmTrainer), features=features.outputs["features"], encoder=encoder
    )
    return _Round(augmenter, validation, cae, features, calm)


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
