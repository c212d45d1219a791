"""Runs LidcExampleGen's executor without a launcher: who runs it says where its checkpoints lie.

python lidc_example_gen_run.py DATA OUT RUNTIME     (RUNTIME is JSON)
"""

import json
import sys
from pathlib import Path
from typing import Any

from lungnet.components import LidcExampleGen
from lungnet.components.lidc_example_gen.executor import Executor
from lungnet.pipeline import Artifact, Cohort, Examples, ExecutorContext
from lungnet.presets import load_config

SETTINGS = ("selection.outlier_iqr=0", "split.validation_fraction=0.3")


def run(
    data: Path, out: Path, runtime: dict[str, Any], settings: tuple[str, ...] = SETTINGS
) -> ExecutorContext:
    """Makes `out/examples` and `out/cohort`; checkpoints stay in `out/checkpoints`."""
    component = LidcExampleGen(input_base=str(data))
    outputs: dict[str, list[Artifact]] = {
        "examples": [Examples(out / "examples")],
        "cohort": [Cohort(out / "cohort")],
    }
    context = ExecutorContext(
        work_dir=out / "work",
        checkpoint_dir=out / "checkpoints",
        tensorboard_dir=out / "tensorboard",
        seed=0,
        runtime={**component.SPEC.runtime, **runtime},
    )
    for folder in (context.work_dir, context.checkpoint_dir, out / "examples", out / "cohort"):
        folder.mkdir(parents=True, exist_ok=True)
    Executor(context).Do({}, outputs, component.exec_properties(load_config("paper", settings=settings)))
    return context


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
