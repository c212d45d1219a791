from pathlib import Path

import pytest

from lungnet.components import BaselineTrainer, method_pipeline
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.presets import load_config


def test_every_component_comes_after_what_it_needs(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    ids = [component.id for component in pipeline.components]
    assert ids[:3] == ["LidcExampleGen", "StatisticsGen", "ExampleValidator"]
    assert ids[-4:] == ["Evaluator", "OnnxExporter", "InfraValidator", "Pusher"]
    assert ids.count("BaselineTrainer.cnn") == 1


def test_nothing_trains_on_examples_before_they_were_judged(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    ids = [component.id for component in pipeline.components]
    assert ids.index("ExampleValidator") < ids.index("GanTrainer")
    assert ids.index("ExampleValidator.augmented") == ids.index("Augmenter") + 2 < ids.index("CaeTrainer")
    for suffix, producer in (("", "LidcExampleGen"), (".augmented", "Augmenter")):
        validator = pipeline.component(f"ExampleValidator{suffix}")
        assert validator.inputs["examples"][0].component_id == producer
        assert validator.inputs["statistics"][0].component_id == f"StatisticsGen{suffix}"


def test_the_model_that_is_judged_is_the_one_that_is_pushed(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    assert pipeline.component("Evaluator").inputs["classifiers"][0].component_id == "CalmTrainer"
    assert pipeline.component("OnnxExporter").inputs["classifier"][0].component_id == "CalmTrainer"
    assert pipeline.component("InfraValidator").inputs["classifier"][0].component_id == "CalmTrainer"
    assert {channels[0].component_id for channels in pipeline.component("Pusher").inputs.values()} == {
        "OnnxExporter",
        "Evaluator",
        "InfraValidator",
    }


def test_rows_are_configuration(tmp_path: Path):
    pipeline = method_pipeline(load_config("paper", settings=["baselines.rows=['cnn']"]), data=tmp_path)
    evaluator = pipeline.component("Evaluator")
    trainers = [channel.component_id for channel in evaluator.inputs["classifiers"]]
    assert trainers == ["CalmTrainer", "BaselineTrainer.cnn"]


def test_patches_of_rows_without_a_gan_are_real(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    (examples,) = pipeline.component("BaselineTrainer.cnn").inputs["examples"]
    assert examples.component_id == "LidcExampleGen"
    (examples,) = pipeline.component("CaeTrainer").inputs["examples"]
    assert examples.component_id == "Augmenter"


def test_the_generator_is_judged_on_real_patches_and_the_report_tells(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    judge = pipeline.component("GanEvaluator")
    assert {key: channels[0].component_id for key, channels in judge.inputs.items()} == {
        "examples": "LidcExampleGen",
        "generator": "GanTrainer",
        "encoder": "CaeTrainer",
    }
    assert pipeline.component("Evaluator").inputs["quality"][0].component_id == "GanEvaluator"


def test_one_source_is_needed(tmp_path: Path):
    with pytest.raises(InputError, match="either a folder of CT series or a file of arrays"):
        method_pipeline(Config())
    with pytest.raises(InputError, match="is no folder"):
        method_pipeline(Config(), data=tmp_path / "none")


def executed(tmp_path: Path, *settings: str) -> dict[str, dict]:
    config = load_config("paper", settings=settings)
    pipeline = method_pipeline(config, data=tmp_path)
    return {component.id: component.exec_properties(config) for component in pipeline.components}


@pytest.mark.parametrize(
    ("setting", "steps"),
    [
        ("gan.width=8", {"GanTrainer", "Evaluator"}),
        ("quality.neighbours=3", {"GanEvaluator", "Evaluator"}),
        ("calm.trees=7", {"CalmTrainer", "Evaluator"}),
        ("calm.hidden=[8,4]", {"CalmTrainer", "BaselineTrainer.gan_cae_nn", "Evaluator"}),
        ("calm.head_seed=1", {"CalmTrainer", "BaselineTrainer.gan_cae_nn", "Evaluator"}),
        ("baselines.cnn_steps=7", {"BaselineTrainer.cnn", "Evaluator"}),
        ("baselines.lr_c=7.0", {"BaselineTrainer.gan_cae_lr", "Evaluator"}),
        ("evaluation.bootstrap=7", {"Evaluator"}),
        ("export.opset=16", {"OnnxExporter"}),
    ],
)
def test_a_setting_touches_the_steps_that_depend_on_it(tmp_path: Path, setting: str, steps: set[str]):
    before, after = executed(tmp_path), executed(tmp_path, setting)
    assert {name for name in before if before[name] != after[name]} == steps


def test_an_unknown_row_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="knows no row 'forest'; expected one of gan_cae_nn"):
        BaselineTrainer(row="forest")
