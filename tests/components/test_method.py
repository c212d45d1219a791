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


MINED = load_config("paper", settings=["mining.rounds=1"])


def test_without_mining_nothing_of_it_is_there(tmp_path: Path):
    pipeline = method_pipeline(load_config("paper", settings=["mining.threshold=0.3"]), data=tmp_path)
    assert not [component.id for component in pipeline.components if "ined" in component.id]
    assert executed(tmp_path, "mining.threshold=0.3") == executed(tmp_path)


def test_a_second_round_trains_on_what_was_mined(tmp_path: Path):
    pipeline, plain = method_pipeline(MINED, data=tmp_path), method_pipeline(Config(), data=tmp_path)
    added = [
        *("HardNegativeMiner", "StatisticsGen.mined", "ExampleValidator.mined", "Augmenter.mined"),
        *("StatisticsGen.augmented.mined", "ExampleValidator.augmented.mined"),
        *("CaeTrainer.mined", "FeatureGen.mined", "CalmTrainer.mined"),
    ]
    ids, before = ([component.id for component in one.components] for one in (pipeline, plain))
    first = before.index("CalmTrainer") + 1
    assert ids == [*before[:first], *added, *before[first:]]

    def sources(component_id: str) -> dict[str, str]:
        channels = pipeline.component(component_id).inputs
        return {key: channels[key][0].component_id for key in channels}

    assert sources("HardNegativeMiner") == {
        "examples": "LidcExampleGen",
        "cohort": "LidcExampleGen",
        "classifier": "CalmTrainer",
    }
    assert sources("Augmenter.mined") == {"examples": "HardNegativeMiner", "generator": "GanTrainer"}
    assert sources("CaeTrainer.mined") == {"examples": "Augmenter.mined"}
    assert sources("FeatureGen.mined") == {"examples": "Augmenter.mined", "encoder": "CaeTrainer.mined"}
    assert sources("CalmTrainer.mined") == {"features": "FeatureGen.mined", "encoder": "CaeTrainer.mined"}
    assert sources("StatisticsGen.augmented.mined") == {"examples": "Augmenter.mined"}
    assert sources("StatisticsGen.mined") == {"examples": "HardNegativeMiner"}
    # Whatever is compared, judged and pushed is of the second round.
    assert sources("BaselineTrainer.cnn") == {"examples": "HardNegativeMiner"}
    assert sources("BaselineTrainer.gan_cae_nn") == {
        "features": "FeatureGen.mined",
        "encoder": "CaeTrainer.mined",
    }
    assert sources("Evaluator") | {"baseline_model": ""} == {
        "examples": "Augmenter.mined",
        "features": "FeatureGen.mined",
        "classifiers": "CalmTrainer.mined",
        "cohort": "HardNegativeMiner",
        "baseline_model": "",
        "quality": "GanEvaluator",
    }
    assert sources("OnnxExporter") == {"examples": "Augmenter.mined", "classifier": "CalmTrainer.mined"}
    assert sources("InfraValidator")["classifier"] == "CalmTrainer.mined"


def test_the_first_round_is_that_of_a_run_without_mining(tmp_path: Path):
    plain, mined = executed(tmp_path), executed(tmp_path, "mining.rounds=1")
    assert {name for name in plain if plain[name] != mined[name]} == {"Evaluator"}


def test_there_is_nothing_to_scan_in_arrays(tmp_path: Path):
    (tmp_path / "patches.npz").touch()
    with pytest.raises(InputError, match=r"mining\.rounds = 1 needs whole CTs"):
        method_pipeline(MINED, arrays=tmp_path / "patches.npz")
