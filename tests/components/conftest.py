"""Executors are asked directly, on artifacts made by hand."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.config import Config
from lungnet.files import write_json
from lungnet.hashing import fingerprint, stable_id
from lungnet.patches import SPLITS, PatchExample, write_examples
from lungnet.phantom import write_phantom
from lungnet.pipeline import (
    UPSTREAM,
    Artifact,
    Classifier,
    Component,
    Examples,
    ExecutorContext,
    load_executor,
)

Do = Callable[..., dict[str, Artifact]]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """`do(component_class, {key: artifact or artifacts}, config) -> {key: artifact}`.

    Parameters that are not from the configuration are given by name.
    """

    def run(
        component: type[Component],
        inputs: Mapping[str, Artifact | Sequence[Artifact]],
        config: Config | None = None,
        **given: Any,
    ) -> dict[str, Artifact]:
        spec, values = component.SPEC, (config or Config()).model_dump(mode="json")
        properties: dict[str, Any] = dict(given)
        for name, parameter in spec.parameters.items():
            if parameter.config:
                keys = [] if parameter.config == UPSTREAM else parameter.config.split(".")
                properties[name] = reduce(getitem, keys, values)
        number = len(list(tmp_path.glob("execution-*")))
        folder = tmp_path / f"execution-{number}"
        outputs = {key: kind(folder / key) for key, kind in spec.outputs.items()}
        for path in (folder / "work", folder / "checkpoints", folder / "tensorboard"):
            path.mkdir(parents=True)
        for artifact in outputs.values():
            artifact.uri.mkdir()
        context = ExecutorContext(folder / "work", folder / "checkpoints", folder / "tensorboard", seed=0)
        load_executor(component.EXECUTOR)(context).Do(
            {key: [one] if isinstance(one, Artifact) else list(one) for key, one in inputs.items()},
            {key: [artifact] for key, artifact in outputs.items()},
            properties,
        )
        for artifact in outputs.values():
            artifact.check_properties()
        return outputs

    return run


def lung_patch(name: str, row: int, label: int) -> np.ndarray:
    """Noise about -800 HU, with a square of soft tissue in positives."""
    patch = np.random.default_rng([stable_id(name), row]).normal(-800, 30, (40, 40))
    patch[15:25, 15:25] += 830 * label
    return patch.astype(np.int16)


def patient(name: str, patches: int = 4, first: int = 0, **more: Any) -> list[PatchExample]:
    """Patches of one patient in turns negative and positive."""
    return [
        PatchExample(
            patch_hu=lung_patch(name, row, row % 2),
            label=row % 2,
            patient_id=name,
            series_uid=more.get("series_uid", f"series-{name}"),
            group_id=name,
            nodule_id=row if row % 2 else -1,
            center_zyx=(row, 30, 30),
            source=more.get("source", "real"),
        )
        for row in range(first, first + patches)
    ]


@pytest.fixture
def patches_of() -> Callable[..., list[PatchExample]]:
    """`patches_of("A", patches=4, first=0)`: patches of a patient, in turns negative and positive."""
    return patient


@pytest.fixture
def examples_of(tmp_path: Path) -> Callable[..., Examples]:
    """`examples_of(train=..., validation=..., eval=..., unit=...)` writes `Examples`; splits default to one
    patient each."""

    def write(unit: str = "patient", **splits: Sequence[PatchExample]) -> Examples:
        uri = tmp_path / f"examples-{len(list(tmp_path.glob('examples-*')))}"
        for split, name in zip(SPLITS, "ABC", strict=True):
            write_examples(uri, splits.get(split, patient(name)), split, shards=2)
        return Examples(
            uri, {"split_names": list(SPLITS), "unit": unit, "data_description": "Squares in noise."}
        )

    return write


@pytest.fixture
def examples(examples_of: Callable[..., Examples]) -> Examples:
    """One patient a split."""
    return examples_of()


def write_classifier(
    folder: Path, gain: float = 1.0, task: str = "nodule", row: str = "gan_cae_calm"
) -> Classifier:
    """Writes a classifier whose logit is the mean of the centre, in 300 HU above -400 HU, times `gain`.

    With a gain above 0 it tells the patches of `patches_of` apart without fail, below 0 it is always wrong.
    Cluster 1 is what is brighter than -700 HU on the whole.
    """
    import tensorflow as tf

    patches = tf.TensorSpec((None, 40, 40), tf.int16, name="patches_hu")

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = tf.Variable(np.float32(gain), trainable=False)

        def _explain(self, patches_hu: Any) -> dict[str, Any]:
            hu = tf.clip_by_value(tf.cast(patches_hu, tf.float32), -1000.0, 400.0)
            whole = tf.reduce_mean(hu, (1, 2))
            logit = self.gain * (tf.reduce_mean(hu[:, 15:25, 15:25], (1, 2)) + 400.0) / 300.0
            return {
                "probability": tf.sigmoid(logit),
                "cluster": tf.cast(whole > -700.0, tf.int64),
                "logit": logit,
                "cluster_margin": tf.abs(whole + 700.0),
                "other_probability": tf.sigmoid(logit),
            }

        @tf.function(input_signature=[patches])
        def serving_default(self, patches_hu: Any) -> dict[str, Any]:
            found = self._explain(patches_hu)
            return {"probability": found["probability"], "cluster": found["cluster"]}

        @tf.function(input_signature=[patches])
        def explain(self, patches_hu: Any) -> dict[str, Any]:
            return self._explain(patches_hu)

    model = Model()
    signatures = {"serving_default": model.serving_default, "explain": model.explain}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)
    fingerprint_of = fingerprint([gain, task, row])
    metadata = {
        "lungnet_version": "0.1.0",
        "row": row,
        "task": task,
        "window_hu": [-1000.0, 400.0],
        "calibrator": {"method": "none", "scale": 1.0, "shift": 0.0},
        "threshold": 0.5,
        "training_prevalence": 0.5,
        "fingerprint": fingerprint_of,
        "features": 0,
    }
    write_json(folder / "classifier.json", metadata)
    # Right in 30 of 40 of either class, and unsure: Platt's scaling would be surer.
    logits = [0.25] * 30 + [-0.25] * 40 + [0.25] * 10
    write_json(folder / "validation.json", {"labels": [1] * 40 + [0] * 40, "logits": logits})
    write_json(folder / "history.json", {})
    return Classifier(folder, {"row": row, "threshold": 0.5, "fingerprint": fingerprint_of})


@pytest.fixture(scope="session")
def classifier_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Classifier]:
    """`classifier_of(gain=1.0, task=..., row=...)`: as `write_classifier`, each written once."""
    made: dict[tuple, Classifier] = {}

    def get(gain: float = 1.0, task: str = "nodule", row: str = "gan_cae_calm") -> Classifier:
        if (gain, task, row) not in made:
            made[gain, task, row] = write_classifier(tmp_path_factory.mktemp("classifier"), gain, task, row)
        return made[gain, task, row]

    return get


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five patients, one of whom lacks a slice in the middle."""
    folder = tmp_path_factory.mktemp("phantoms")
    series = write_phantom(folder, 5, seed=0)
    slices = sorted(series[-1].glob("*.dcm"))
    slices[len(slices) // 2].unlink()
    return folder
