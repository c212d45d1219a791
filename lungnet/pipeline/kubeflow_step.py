"""What a container of Kubeflow Pipelines runs: one step.

```
python -m lungnet.pipeline.kubeflow_step --step JSON --executor_input '{{$}}'
```
"""

import argparse
import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from lungnet.errors import InputError, LungnetError
from lungnet.files import atomic_path
from lungnet.hashing import fingerprint
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.executor import ExecutorContext, ProgressFunction
from lungnet.pipeline.import_path import load_class
from lungnet.pipeline.kubeflow_message import Message
from lungnet.pipeline.launcher import load_executor, users_error
from lungnet.pipeline.layout import Layout
from lungnet.pipeline.remote_step import RUNTIME, STATE, RemoteStep, sources_digest

_LOGGER = logging.getLogger(__name__)

_PROGRESS_INTERVAL_S = 30.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a step; exits 1 with one sentence where the user can put something right."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(format="lungnet: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("lungnet").setLevel(logging.INFO)
    parser = argparse.ArgumentParser(prog="kubeflow_step", allow_abbrev=False)
    parser.add_argument("--step", required=True, help="the step, as lungnet compile wrote it")
    parser.add_argument(
        "--executor_input", required=True, help="ExecutorInput of Kubeflow Pipelines, as JSON"
    )
    parser.add_argument("--protocol", help="names the way of passing the input; kfp.local looks for it")
    given = parser.parse_args(arguments)
    try:
        run(RemoteStep.from_json(given.step), given.executor_input, os.environ)
    except LungnetError as error:
        sys.stderr.write(f"lungnet: {error}\n")
        sys.exit(1)


def run(step: RemoteStep, executor_input: str, environment: Mapping[str, str]) -> None:
    """Runs `step` and tells the cluster of its outputs.

    Outputs are written beside their places and moved there when all of them are complete.

    Args:
        step: to be run.
        executor_input: JSON of Kubeflow Pipelines' `ExecutorInput`.
        environment: `STATE` and `RUNTIME`.

    Raises:
        InputError: the image holds other sources than the pipeline was compiled from, the disk is full, what
            `Message.read` says of the input, or what the executor says of it.
    """
    _check_sources(step)
    message = Message.read(step, executor_input)
    runtime = _settings(environment.get(RUNTIME, "{}"))
    key = fingerprint([step.ingredients, message.values])
    state = environment.get(STATE)
    try:
        with (
            _kept(step.component_id, key, Path(state) if state else None) as (checkpoints, tensorboard),
            tempfile.TemporaryDirectory(prefix="lungnet-work-") as work_dir,
        ):
            context = ExecutorContext(
                work_dir=Path(work_dir),
                checkpoint_dir=checkpoints,
                tensorboard_dir=tensorboard,
                seed=step.seed,
                progress=_progress(step.component_id),
                runtime={**step.runtime, **{k: v for k, v in runtime.items() if k in step.runtime}},
            )
            message.answer(_execute(step, message, context))
    except LungnetError:
        raise
    except Exception as error:
        if reason := users_error(error, message.answer_file.parent):
            raise InputError(f"{step.component_id} stopped at {reason}.") from error
        raise


def _check_sources(step: RemoteStep) -> None:
    try:
        found = sources_digest(step.executor)
    except ModuleNotFoundError as error:
        raise InputError(f"{step.component_id}: this image has no module {error.name!r}.") from None
    if found != step.sources:
        raise InputError(
            f"{step.component_id}: this image holds other sources of the step than the pipeline was compiled "
            "from; compile it again with the image's lungnet, or name the image that belongs to it."
        )


def _execute(step: RemoteStep, message: Message, context: ExecutorContext) -> dict[str, Artifact]:
    """Runs the executor on staged outputs and moves them into place."""
    with contextlib.ExitStack() as staging:
        outputs: dict[str, Artifact] = {}
        for key, place in message.places.items():
            with contextlib.suppress(OSError):  # the cluster may have made it, empty
                place.rmdir()
            outputs[key] = load_class(step.outputs[key])(staging.enter_context(atomic_path(place)))
            outputs[key].uri.mkdir()
        load_executor(step.executor)(context).Do(
            message.inputs, {key: [artifact] for key, artifact in outputs.items()}, message.properties
        )
        for artifact in outputs.values():
            artifact.check_properties()
    return outputs


@contextlib.contextmanager
def _kept(component_id: str, key: str, state: Path | None) -> Iterator[tuple[Path, Path]]:
    """Gives folders for checkpoints and event files; on a volume they outlive a container that is killed.

    Where another container works with the same checkpoints, its end is waited for.
    """
    if state is None:
        with (
            tempfile.TemporaryDirectory(prefix="lungnet-checkpoints-") as checkpoints,
            tempfile.TemporaryDirectory(prefix="lungnet-tensorboard-") as tensorboard,
        ):
            yield Path(checkpoints), Path(tensorboard)
        return
    layout = Layout(state)
    stateful = layout.stateful(component_id, key)
    events = layout.tensorboard(component_id, stateful.name)
    lock = FileLock(f"{stateful}.lock")
    try:
        for folder in (stateful.parent, events):
            folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise InputError(f"Cannot write {state} ({STATE}): {error.strerror}.") from error
    try:
        (stateful / "checkpoints").mkdir(parents=True, exist_ok=True)
        yield stateful / "checkpoints", events
        shutil.rmtree(stateful, ignore_errors=True)
    finally:
        lock.release()


def _settings(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{RUNTIME} must be a JSON object. Received: {text[:60]}")
    return value


def _progress(name: str) -> ProgressFunction:
    """Reports to the container's log now and then."""
    last = time.monotonic()

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PROGRESS_INTERVAL_S:
            last = time.monotonic()
            _LOGGER.info("%s: %d of %d, %s", name, done, total, text)

    return report


if __name__ == "__main__":
    main()
