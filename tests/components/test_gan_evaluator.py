import json

import numpy as np
import pytest

from lungnet.components import Evaluator, GanEvaluator
from lungnet.config import CaeConfig, Config, GanConfig
from lungnet.evaluation import QUALITY_FIGURES
from lungnet.files import write_json
from lungnet.models import ConvolutionalAutoencoder, build_generator
from lungnet.pipeline import Encoder, Generator

QUALITY = {
    "halvings": 2,
    "kid_subsets": 10,
    "max_patches": 40,
    "copy_patches": 40,
    "copy_shift_px": 1,
    "cnn_steps": 0,
}
CONFIG = Config.model_validate({"quality": QUALITY, "evaluation": {"bootstrap": 10}})


@pytest.fixture
def generator(tmp_path):
    folder = tmp_path / "generator"
    folder.mkdir()
    config = GanConfig(latent_dim=4, width=2)
    build_generator(config.latent_dim, config.width, seed=0).save(folder / "generator.keras")
    write_json(folder / "generator.json", {"window_hu": [-1000.0, 400.0], "latent_dim": config.latent_dim})
    curve = [5.0, 3.0, 2.0, *[1.0] * 17]
    history = {"step": list(range(20)), "wasserstein_distance": curve, "gradient_norm": [1.0] * 20}
    write_json(folder / "history.json", history)
    return Generator(folder)


@pytest.fixture
def encoder(tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    model = ConvolutionalAutoencoder(CaeConfig(filters=(3, 3, 3)), seed=0).encoder
    model.save(folder / "encoder.keras")
    write_json(folder / "encoder.json", {"window_hu": [-1000.0, 400.0], "features": model.output_shape[-1]})
    return Encoder(folder, {"features": model.output_shape[-1]})


def test_a_generator_is_judged_and_the_report_tells(
    do, examples_of, patches_of, generator, encoder, classifier_of
):
    train = [patch for name in "ABCD" for patch in patches_of(name, 16)]
    examples = examples_of(train=train, validation=patches_of("E", 60), eval=patches_of("F", 20))
    inputs = {"examples": examples, "generator": generator, "encoder": encoder}
    made = do(GanEvaluator, inputs, CONFIG)["quality"]
    quality = json.loads((made.uri / "quality.json").read_text())
    assert made.properties == {"synthetic": 40}
    assert quality["training"] == {"patches": 32, "nodules": 32, "groups": 4}
    assert quality["distances"]["patches"] == {"least": 16, "most": 16}
    assert set(quality["distances"]["measures"]) == {"pixels", "encoder", "random"}
    # An untrained generator's grey noise is nothing like squares in dark noise.
    distance = quality["distances"]["measures"]["pixels"]["wasserstein_hu"]
    assert distance["synthetic"]["value"] > 10 * distance["floor"]["value"]
    assert quality["stability"]["stable"] is True
    assert sorted(path.name for path in (made.uri / "figures").iterdir()) == sorted(
        path.rpartition("/")[2] for path in QUALITY_FIGURES.values()
    )
    again = do(GanEvaluator, inputs, CONFIG)["quality"]
    assert (again.uri / "quality.json").read_bytes() == (made.uri / "quality.json").read_bytes()

    inputs = {"examples": examples, "classifiers": [classifier_of()], "quality": made}
    report = do(Evaluator, inputs, CONFIG)["evaluation"].uri
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["synthetic_quality"] == quality
    text = (report / "report.md").read_text("utf-8")
    for path in QUALITY_FIGURES.values():
        assert f"]({path})" in text
        assert (report / path).read_bytes() == (made.uri / path).read_bytes()


def test_a_handful_of_patches_ends_no_run(do, examples, generator, encoder):
    inputs = {"examples": examples, "generator": generator, "encoder": encoder}
    made = do(GanEvaluator, inputs, CONFIG)["quality"]
    quality = json.loads((made.uri / "quality.json").read_text())
    for part in ("distances", "copies", "training_value"):
        assert "Received:" in quality[part]["missing"]
    assert np.isfinite(quality["stability"]["critic_distance"]["drift"])
