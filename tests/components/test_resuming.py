"""A trainer that is ended goes on where its checkpoints say, phase by phase."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lungnet.components import method_pipeline
from lungnet.files import write_json
from lungnet.models import (
    ConvolutionalAutoencoder,
    autoencoder_training,
    cnn,
    dense_autoencoder,
    feature_heads,
    fine_tuning,
    gan_training,
)
from lungnet.patches import FeatureArrays, PatchExample, write_features
from lungnet.pipeline import Artifact, Encoder, Examples, ExecutorContext, Features, load_executor
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


@pytest.fixture
def given(
    tmp_path: Path,
    examples_of: Callable[..., Examples],
    patches_of: Callable[..., list[PatchExample]],
) -> dict[str, Artifact]:
    """Examples, an encoder and features, as the steps before would leave them."""
    encoder, features = Encoder(tmp_path / "encoder"), Features(tmp_path / "features")
    encoder.uri.mkdir()
    model = ConvolutionalAutoencoder(CONFIG.cae, seed=0).encoder
    model.save(encoder.uri / "encoder.keras")
    write_json(encoder.uri / "encoder.json", {"window_hu": [-1000, 400], "features": model.output_shape[-1]})
    rng = np.random.default_rng(0)
    for split in ("train", "validation"):
        values = rng.random((16, model.output_shape[-1]), np.float32)
        arrays = FeatureArrays(values, np.arange(16) % 2, np.full(16, split), np.full(16, "real"))
        write_features(features.uri, arrays, split)
    return {
        "examples": examples_of(train=patches_of("A", 16)),
        "encoder": encoder,
        "features": features,
    }


@pytest.mark.parametrize(
    ("step", "reports_until_killed", "goes_on_with"),
    [
        ("GanTrainer", 3, [3]),
        ("CaeTrainer", 3, [4, 1, 2]),  # within the second layer; fine-tuning comes after
        ("CaeTrainer", 4 + 1, [2]),  # within fine-tuning: the layers are not trained again
        ("CalmTrainer", 3, [3]),
        ("BaselineTrainer.gan_cae_nn", 3, [3]),
        ("BaselineTrainer.ae", 2, [3]),
        ("BaselineTrainer.cnn", 3, [3]),
    ],
)
def test_the_second_attempt_goes_on(
    given: dict[str, Artifact],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    reports_until_killed: int,
    goes_on_with: Sequence[int],
) -> None:
    for training in (autoencoder_training, cnn, dense_autoencoder, fine_tuning, gan_training):
        monkeypatch.setattr(training, "CHECKPOINT_UPDATES", 1)
    monkeypatch.setattr(feature_heads, "CHECKPOINT_EPOCHS", 1)
    component = method_pipeline(CONFIG, data=tmp_path).component(step)
    inputs = {key: [given[key]] for key in component.inputs}
    ((key, kind),) = component.SPEC.outputs.items()

    def attempt(number: int, reports_until_killed: int | None) -> tuple[Artifact, list[int]]:
        reports: list[int] = []

        def progress(done: int, total: int, text: str) -> None:
            reports.append(done)
            if len(reports) == reports_until_killed:
                raise Killed

        output, work = kind(tmp_path / f"{key}-{number}"), tmp_path / f"work-{number}"
        output.uri.mkdir()
        work.mkdir()
        context = ExecutorContext(work, tmp_path / "checkpoints", tmp_path / "board", 0, progress)
        executor = load_executor(component.EXECUTOR)(context)
        executor.Do(inputs, {key: [output]}, component.exec_properties(CONFIG))
        return output, reports

    with pytest.raises(Killed):
        attempt(1, reports_until_killed)
    output, reports = attempt(2, None)
    assert reports == goes_on_with
    assert (output.uri / "history.json").is_file()
