from pathlib import Path

import pytest

from lungnet.components import method_pipeline
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.presets import load_config


def test_every_component_comes_after_what_it_needs(tmp_path: Path):
    pipeline = method_pipeline(Config(), data=tmp_path)
    ids = [component.id for component in pipeline.components]
    assert ids[0] == "LidcExampleGen"
    assert ids[-2:] == ["Evaluator", "OnnxExporter"]
    assert ids.count("BaselineTrainer.cnn") == 1


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


def test_one_source_is_needed(tmp_path: Path):
    with pytest.raises(InputError, match="either a folder of CT series or a file of arrays"):
        method_pipeline(Config())
    with pytest.raises(InputError, match="is no folder"):
        method_pipeline(Config(), data=tmp_path / "none")
