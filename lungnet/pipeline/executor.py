"""What an executor is given besides its artifacts and parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungnet.pipeline.artifacts import Artifact

#: Called with (steps done, steps in all, what is being done).
ProgressFunction = Callable[[int, int, str], None]


def no_progress(done: int, total: int, text: str) -> None:
    """Reports to nobody."""


@dataclass(frozen=True)
class ExecutorContext:
    """Where an executor may leave what is no artifact.

    Attributes:
        work_dir: scratch space, removed when the step has ended.
        checkpoint_dir: what an attempt that was killed leaves to the next one, and nobody else finds: it
            belongs to this component with these parameters, inputs and sources. Removed when the step is
            complete.
        tensorboard_dir: event files of this execution.
        seed: of every random choice.
        progress: to be called as work goes on.
        runtime: what may differ between machines and must not change results (`ComponentSpec.runtime`).
        series_uids: filled by an executor that reads CT from outside the pipeline; lineage ends there.
    """

    work_dir: Path
    checkpoint_dir: Path
    tensorboard_dir: Path
    seed: int
    progress: ProgressFunction = no_progress
    runtime: dict[str, Any] = field(default_factory=dict)
    series_uids: list[str] = field(default_factory=list)


class BaseExecutor(ABC):
    """Base of all executors: `Do` reads input artifacts and writes under the URIs of the output ones."""

    def __init__(self, context: ExecutorContext) -> None:
        self.context = context

    @abstractmethod
    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Makes the output artifacts, and sets their properties.

        Args:
            input_dict: input key -> artifacts.
            output_dict: output key -> artifacts whose folders exist and are empty.
            exec_properties: parameter name -> JSON value.
        """
