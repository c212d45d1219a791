"""Runs one component: resolves its executor, stages its outputs, puts them in place."""

import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import BaseExecutor, ExecutorContext, ProgressFunction, no_progress
from lungnet.pipeline.import_path import load_class
from lungnet.pipeline.ingredients import Ingredients
from lungnet.pipeline.joint_run import Chief, leading
from lungnet.pipeline.joint_step import PARAMETER, JointStep, Order
from lungnet.pipeline.metadata_records import CANCELED, FAILED, NewArtifact
from lungnet.pipeline.session import Session, work_on

#: A disk or a permission is the user's to mend; any other OSError is a defect and keeps its traceback.
_USERS_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
#: How libraries put it that have errors of their own.
_DISK_FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded")
_FIRST_ATTEMPT = "first_attempt"


def launch(
    component: Component,
    inputs: Mapping[str, list[Artifact]],
    config: Config,
    root: Path,
    progress: ProgressFunction = no_progress,
    runtime: Mapping[str, Any] | None = None,
) -> dict[str, Artifact]:
    """Runs `component` once in `root`, whatever is there already, and returns its outputs by key.

    Raises:
        InputError: as `launch_in`, and as `lungnet.pipeline.work_on`.
    """
    with work_on(root) as session, leading(session.layout, config) as chief:
        ingredients = Ingredients.of(component, config, inputs, session.digests)
        return launch_in(session, component, inputs, ingredients, config, progress, runtime, chief)


def launch_in(
    session: Session,
    component: Component,
    inputs: Mapping[str, Sequence[Artifact]],
    ingredients: Ingredients,
    config: Config,
    progress: ProgressFunction = no_progress,
    runtime: Mapping[str, Any] | None = None,
    chief: Chief | None = None,
) -> dict[str, Artifact]:
    """Runs `component` once within a session and returns its outputs by key.

    The executor writes into a staging folder; only when it returns are the outputs moved to where others
    look for them and stored as complete. If it fails or is interrupted, nothing stays but its checkpoints,
    which the next attempt with the same ingredients finds.

    Args:
        session: of the root.
        component: the step.
        inputs: by key.
        ingredients: of the step on these inputs.
        config: of the run.
        progress: called as work goes on.
        runtime: settings that must not change results; those that the component does not know are left out.
        chief: of a run whose training is distributed over machines.

    Raises:
        InputError: the root cannot be written, the disk is full, or what the executor says of its input.
    """
    layout, spec = session.layout, component.SPEC
    ids = {key: [artifact.id for artifact in several if artifact.id] for key, several in inputs.items()}
    execution = _begin(session, component, ingredients, ids)
    staging = layout.staging(component.id, execution)
    stateful = layout.stateful(component.id, ingredients.key)
    outputs = {key: kind(staging / "outputs" / key) for key, kind in spec.outputs.items()}
    try:
        for artifact in outputs.values():
            artifact.uri.mkdir(parents=True)
        (stateful / "checkpoints").mkdir(parents=True, exist_ok=True)
        tensorboard = layout.tensorboard(component.id, _first_attempt(stateful, execution))
        tensorboard.mkdir(parents=True, exist_ok=True)
        # Absolute: an executor may hand them to a process that works in another folder.
        with tempfile.TemporaryDirectory(prefix="work-", dir=staging.resolve()) as work_dir:
            context = ExecutorContext(
                work_dir=Path(work_dir),
                checkpoint_dir=(stateful / "checkpoints").resolve(),
                tensorboard_dir=tensorboard.resolve(),
                seed=config.seed,
                progress=progress,
                runtime={**spec.runtime, **{k: v for k, v in (runtime or {}).items() if k in spec.runtime}},
            )
            if chief is not None and PARAMETER in spec.parameters:
                step = JointStep.of(component, config, execution, inputs, layout.root, context.runtime)
                folders = {key: artifact.uri for key, artifact in outputs.items()}
                made = chief.perform(Order.of(step, layout.root, folders, context), progress)
                for key, artifact in outputs.items():
                    artifact.properties.update(made[key])
            else:
                load_executor(component.EXECUTOR)(context).Do(
                    {key: list(several) for key, several in inputs.items()},
                    {key: [artifact] for key, artifact in outputs.items()},
                    component.exec_properties(config),
                )
        placed = _commit(session, component, execution, outputs, context.series_uids)
    except BaseException as error:
        _abandon(session, component, execution, stateful, error)
        if reason := users_error(error, layout.root):
            raise InputError(f"{component.id} stopped at {reason}.") from error
        raise
    shutil.rmtree(staging, ignore_errors=True)
    layout.remove_checkpoints(component.id, ingredients.key)
    return placed


def load_executor(path: str) -> type[BaseExecutor]:
    """Imports the class that `path` (`"module:class"`) names."""
    executor: type[BaseExecutor] = load_class(path)
    return executor


def _begin(
    session: Session, component: Component, ingredients: Ingredients, inputs: Mapping[str, Sequence[int]]
) -> int:
    """Takes an execution number under which nothing lies in the root.

    Something does where the store was deleted or another one is used: it is left alone.
    """
    name, keys = component.id, component.SPEC.outputs
    while True:
        execution = session.store.begin(
            type(component).__name__, name, ingredients.key, ingredients.to_json(), inputs, session.contexts
        )
        if not any(session.layout.output(name, key, execution).exists() for key in keys):
            return execution
        session.store.end(execution, CANCELED, "its number is that of an execution of another store")


def _first_attempt(stateful: Path, execution: int) -> int:
    """The execution that began this work: its event files are those of all attempts."""
    path = stateful / _FIRST_ATTEMPT
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):  # there was none, or it was killed while it wrote this
        path.write_text(str(execution), "utf-8")
        return execution


def _commit(
    session: Session,
    component: Component,
    execution: int,
    outputs: Mapping[str, Artifact],
    series_uids: Sequence[str],
) -> dict[str, Artifact]:
    """Moves staged outputs into place, then stores that they count."""
    new: dict[str, NewArtifact] = {}
    for key, artifact in outputs.items():
        artifact.check_properties()
        digest = session.digests.of(artifact.uri)
        target = session.layout.output(component.id, key, execution)
        target.parent.mkdir(parents=True, exist_ok=True)
        artifact.uri.replace(target)
        session.digests.moved(artifact.uri, target)
        new[key] = NewArtifact(
            artifact.TYPE_NAME, session.layout.relative(target), digest, dict(artifact.properties)
        )
    stored = session.store.complete(execution, new, session.contexts, series_uids)
    return {key: session.artifact(type(artifact), stored[key]) for key, artifact in outputs.items()}


def _abandon(
    session: Session, component: Component, execution: int, stateful: Path, error: BaseException
) -> None:
    """Removes what an execution that did not end well has left, except checkpoints, and stores why."""
    layout = session.layout
    layout.remove_execution(component.id, execution)
    if not any((stateful / "checkpoints").glob("*")):
        shutil.rmtree(stateful, ignore_errors=True)
        shutil.rmtree(layout.tensorboard(component.id, execution), ignore_errors=True)
    try:
        state = FAILED if isinstance(error, Exception) else CANCELED
        session.store.end(execution, state, str(error) or type(error).__name__)
    except InputError:  # the disk is full: the next run finds the execution as killed
        return


def users_error(error: BaseException, root: Path) -> str:
    """Says where a disk or a permission stopped a step; empty if it was something else."""
    if isinstance(error, InputError):
        return ""
    for cause in _chain(error):
        if isinstance(cause, OSError) and cause.errno in _USERS_ERRORS:
            return f"{cause.filename or root}: {cause.strerror}"
        full = next((text for text in _DISK_FULL if text in str(cause)), "")
        if full:
            return f"{root}: {full}"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
