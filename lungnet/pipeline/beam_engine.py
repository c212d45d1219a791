"""Tasks on an Apache Beam runner: Flink, Spark, Dataflow or any other.

Beam's workers need lungnet installed as it is here, and must see the folders of the data and of the
pipeline root under the same paths: results are files, and no record passes through Beam.
"""

import difflib
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.pipeline.tasks import Task, TaskResults, perform

INSTALL_BEAM = "pip install 'lungnet[beam]'"
#: Runners that need more than Beam itself: a module, and the extra of apache-beam that brings it.
_NEEDS = {"DataflowRunner": ("apitools", "gcp")}
#: Beam's own DirectRunner would first try to fetch a program from the network; this is its fallback.
_DIRECT = {"DirectRunner": "FnApiRunner"}


class BeamPipelines:
    """Runs tasks as Beam pipelines, one for each `run`.

    Args:
        runner: such as "DirectRunner" (this machine), "FlinkRunner", "SparkRunner", "DataflowRunner".
        options: of the runner, without dashes; True for one that is a mere flag.

    Raises:
        InputError: Beam or what the runner needs is not installed, or there is no such runner.
    """

    def __init__(self, runner: str, options: Mapping[str, Any]) -> None:
        self._beam = _import_beam()
        self._runner = runner
        self._flags = [
            f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()
        ]
        _load_runner(runner)

    def run(
        self, function: str, tasks: Iterator[Task], results: TaskResults, one_done: Callable[[], None]
    ) -> None:
        """Runs tasks and returns when all are done.

        Args:
            function: as `lungnet.pipeline.tasks.perform` takes it.
            tasks: written to a file beside the results, from which Beam reads them.
            results: where the results go, in a folder that Beam's workers see.
            one_done: called for each task, when all of them are.

        Raises:
            InputError, OSError: what a task raises, where it ran in this process; elsewhere Beam's own error.
        """
        beam = self._beam
        lines = results.folder / "tasks.jsonl"
        count = _write(lines, tasks)
        if count:  # a job is dear on a cluster: there is none for nothing
            options = beam.options.pipeline_options.PipelineOptions(self._flags)
            try:
                with beam.Pipeline(runner=_load_runner(self._runner), options=options) as pipeline:
                    _ = (
                        pipeline
                        | beam.io.ReadFromText(str(lines))
                        | beam.Reshuffle()  # or one worker would keep all that it read
                        | beam.Map(perform_line, function, str(results.folder))
                    )
            except Exception as error:
                raise _cause(error) from None
        lines.unlink()
        for _ in range(count):
            one_done()


def perform_line(line: str, function: str, folder: str) -> None:
    """Runs the task of one line on a Beam worker."""
    perform(function, Task.from_json(line), TaskResults(Path(folder)))


def _cause(error: BaseException) -> BaseException:
    """What Beam has wrapped, where it ran in this process: an error for the user, or Ctrl-C."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt | InputError | OSError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _write(path: Path, tasks: Iterator[Task]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for task in tasks:
            file.write(task.to_json() + "\n")
            count += 1
    return count


def _import_beam() -> Any:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # without Google's clients Beam warns that they are missing
    try:
        import apache_beam
    except ImportError as error:
        raise InputError(f"Apache Beam is not installed; expected it after: {INSTALL_BEAM}") from error
    finally:
        root.setLevel(level)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what it logs as an error it raises too
    return apache_beam


def _load_runner(name: str) -> Any:
    from apache_beam.options.pipeline_options import StandardOptions
    from apache_beam.runners.runner import create_runner

    known = sorted(path.rpartition(".")[2] for path in StandardOptions.ALL_KNOWN_RUNNERS)
    if "." not in name and name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InputError(f"Apache Beam has no runner {name!r}{hint}; expected one of {', '.join(known)}.")
    module, extra = _NEEDS.get(name, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise InputError(f"{name} is not installed; expected it after: pip install 'apache-beam[{extra}]'")
    try:
        return create_runner(_DIRECT.get(name, name))
    except (ImportError, AttributeError) as error:
        raise InputError(f"Apache Beam cannot load the runner {name}: {error}.") from error
