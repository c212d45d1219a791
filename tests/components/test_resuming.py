"""A trainer that is ended goes on where its checkpoints say, phase by phase."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lungnet.components import method_pipeline
from lungnet.files import write_json
from lungnet.models import ConvolutionalAutoencoder
from lungnet.patches import SPLITS, FeatureArrays, PatchExample, write_examples, write_features
from lungnet.pipeline import Artifact, ExecutorContext, load_executor
from lungnet.presets import load_config

CONFIG = load_config(
    "paper",
    settings=[
        "gan={generator_steps=3, batch_size=4, width=2, latent_dim=4, critic_steps=1}",
        "cae={filters=[2,2], kernels=[5,3], epochs=2, batch_size=8, fine_tune_epochs=2}",
        "calm={hidden=[4,2], batch_size=8, max_iterations=3, trees=5}",
        "baselines={nn_epochs=3, ae_epochs=3, ae_units=4, ae_batch_size=8, cnn_steps=3, cnn_batch_size=8}",
    ],
)


class Killed(BaseException):
    """Ends a step where a signal would."""


class Given(NamedTuple):
    folder: Path
    artifacts: dict[str, Artifact]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Examples, an encoder and features, as the steps before would leave them."""
    folder = tmp_path_factory.mktemp("given")
    kinds = {
        channel.key: channel.type
        for component in method_pipeline(CONFIG, data=folder).components
        for channel in component.outputs.values()
    }
    artifacts = {key: kinds[key](folder / key) for key in ("examples", "encoder", "features")}
    encoder = ConvolutionalAutoencoder(CONFIG.cae, seed=0).encoder
    rng = np.random.default_rng(0)
    for split in SPLITS:
        labels = np.arange(16) % 2
        patches = rng.normal(-500, 200, (16, 40, 40)).astype(np.int16)
        names = [f"{split}-{row}" for row in range(16)]
        examples = [
            PatchExample(patch_hu=patch, label=int(label), patient_id=name, series_uid=name, group_id=name)
            for patch, label, name in zip(patches, labels, names, strict=True)
        ]
        write_examples(artifacts["examples"].uri, examples, split, 1)
        features = rng.random((16, encoder.output_shape[-1]), np.float32)
        arrays = FeatureArrays(features, labels, np.array(names), np.full(16, "real"))
        write_features(artifacts["features"].uri, arrays, split)
    uri = artifacts["encoder"].uri
    uri.mkdir()
    encoder.save(uri / "encoder.keras")
    write_json(uri / "encoder.json", {"window_hu": [-1000, 400], "features": encoder.output_shape[-1]})
    return Given(folder, artifacts)


@pytest.mark.parametrize(
    ("step", "stop", "goes_on_with"),
    [
        ("GanTrainer", None, []),  # after the training, while the model is written
        ("CaeTrainer", 3, [4, 1, 2]),  # within the second layer, then fine-tuning
        ("CaeTrainer", 4 + 1, [2]),  # within fine-tuning: the layers are not trained again
        ("CalmTrainer", 3, [3]),
        ("BaselineTrainer.gan_cae_nn", 3, [3]),
        ("BaselineTrainer.ae", 3, []),
        ("BaselineTrainer.cnn", None, []),
    ],
)
def test_the_second_attempt_goes_on(
    given: Given, tmp_path: Path, step: str, stop: int | None, goes_on_with: list[int]
) -> None:
    component = method_pipeline(CONFIG, data=tmp_path).component(step)
    inputs = {key: [given.artifacts[key]] for key in component.inputs}
    reports: list[int] = []

    def attempt(number: int, stop: int | None) -> None:
        reports.clear()

        def progress(done: int, total: int, text: str) -> None:
            reports.append(done)
            if len(reports) == stop:
                raise Killed

        outputs = {key: [kind(tmp_path / f"{key}-{number}")] for key, kind in component.SPEC.outputs.items()}
        for (artifact,) in outputs.values():
            artifact.uri.mkdir()
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        context = ExecutorContext(work, tmp_path / "checkpoints", tmp_path / "board", 0, progress)
        executor = load_executor(component.EXECUTOR)(context)
        executor.Do(inputs, outputs, component.exec_properties(CONFIG))

    if stop is None:
        attempt(1, stop)
    else:
        with pytest.raises(Killed):
            attempt(1, stop)
    attempt(2, None)
    assert reports == goes_on_with
    (key,) = component.SPEC.outputs
    assert (tmp_path / f"{key}-2" / "history.json").is_file()
