"""Executors are asked directly, on artifacts made by hand."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.config import Config
from lungnet.hashing import stable_id
from lungnet.patches import SPLITS, PatchExample, write_examples
from lungnet.pipeline import (
    Artifact,
    Component,
    Examples,
    ExecutorContext,
    ProgressFunction,
    load_executor,
    no_progress,
)

Do = Callable[..., dict[str, Artifact]]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """`do(component_class, {key: artifact or artifacts}, config) -> {key: artifact}`."""

    def run(
        component: type[Component],
        inputs: Mapping[str, Artifact | Sequence[Artifact]],
        config: Config | None = None,
        progress: ProgressFunction = no_progress,
        **given: Any,
    ) -> dict[str, Artifact]:
        spec, values = component.SPEC, (config or Config()).model_dump(mode="json")
        properties = dict(given)
        for name, parameter in spec.parameters.items():
            if name not in given:
                value: Any = values
                for part in parameter.config.strip("*").split(".") if parameter.config != "*" else []:
                    value = value[part]
                properties[name] = value
        number = len(list(tmp_path.glob("execution-*")))
        folder = tmp_path / f"execution-{number}"
        outputs = {key: kind(folder / key) for key, kind in spec.outputs.items()}
        for path in (folder / "work", folder / "checkpoints", folder / "tensorboard"):
            path.mkdir(parents=True)
        for artifact in outputs.values():
            artifact.uri.mkdir()
        context = ExecutorContext(
            folder / "work", folder / "checkpoints", folder / "tensorboard", seed=0, progress=progress
        )
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
