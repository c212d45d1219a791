"""Runs one component: resolves its executor, stages its outputs, puts them in place."""

import errno
import importlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import records
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import Executor, ExecutorContext, ProgressFunction, no_progress

#: A disk or a permission is the user's to mend; any other OSError is a defect and keeps its traceback.
_USERS_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def launch(
    component: Component,
    inputs: Mapping[str, list[Artifact]],
    config: Config,
    root: Path,
    progress: ProgressFunction = no_progress,
    runtime: Mapping[str, Any] | None = None,
) -> dict[str, Artifact]:
    """Runs `component` once and returns its outputs, by key.

    The executor writes into a staging folder; only when it returns are the outputs moved to where
    others look for them. If it fails or is interrupted, nothing of it stays.

    Raises:
        InputError: the root cannot be written, the disk is full, or what the executor says of its input.
    """
    execution = records.begin(root, component.id)
    properties = component.exec_properties(config)
    outputs = {key: kind(execution.staging / "outputs" / key) for key, kind in component.SPEC.outputs.items()}
    try:
        for artifact in outputs.values():
            artifact.uri.mkdir(parents=True)
        execution.tensorboard.mkdir(parents=True, exist_ok=True)
        checkpoints = execution.staging / "checkpoints"
        checkpoints.mkdir()
        with tempfile.TemporaryDirectory(prefix="work-", dir=execution.staging) as work_dir:
            context = ExecutorContext(
                work_dir=Path(work_dir),
                checkpoint_dir=checkpoints,
                tensorboard_dir=execution.tensorboard,
                seed=config.seed,
                progress=progress,
                runtime=dict(runtime or {}),
            )
            executor = load_executor(component.EXECUTOR)(context)
            executor.Do(dict(inputs), {key: [artifact] for key, artifact in outputs.items()}, properties)
        placed = records.commit(execution, inputs, outputs, properties)
    except BaseException as error:
        records.abandon(execution)
        if isinstance(error, OSError) and error.errno in _USERS_ERRORS:
            raise InputError(
                f"{component.id} stopped at {error.filename or root}: {error.strerror}."
            ) from error
        raise
    shutil.rmtree(execution.staging, ignore_errors=True)
    return placed


def load_executor(path: str) -> type[Executor]:
    """Imports the class that `path` (`"module:class"`) names."""
    module, _, name = path.partition(":")
    executor: type[Executor] = getattr(importlib.import_module(module), name)
    return executor
