"""Executors of the tests' steps; on the import path while a test runs."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from lungnet.pipeline import Artifact, BaseExecutor


class NumberExecutor(BaseExecutor):
    """Writes the seed; a negative start fails after writing half of it."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        artifact = output_dict["number"][0]
        (artifact.uri / "number.txt").write_text(str(exec_properties["start"] + exec_properties["seed"]))
        if exec_properties["start"] < 0:
            raise RuntimeError("broken")
        artifact.properties["parity"] = exec_properties["start"] % 2


class AddExecutor(BaseExecutor):
    """Adds one to every number."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        total = sum(int((a.uri / "number.txt").read_text()) for a in input_dict["numbers"])
        (output_dict["number"][0].uri / "number.txt").write_text(str(total + 1))


class ReadExecutor(BaseExecutor):
    """Takes a number from outside."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        text = Path(exec_properties["path"]).read_text()
        (output_dict["number"][0].uri / "number.txt").write_text(text)
        self.context.series_uids.extend(["1.2.3", "1.2.4"])


class BigExecutor(BaseExecutor):
    """Writes a file of a size."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        (output_dict["number"][0].uri / "number.txt").write_bytes(b"1" * exec_properties["size"])


class CountExecutor(BaseExecutor):
    """Counts, with a checkpoint after every number."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        checkpoint = self.context.checkpoint_dir / "counted.txt"
        counted = checkpoint.read_text().split() if checkpoint.exists() else []
        for number in range(len(counted) + 1, exec_properties["to"] + 1):
            counted.append(str(number))
            checkpoint.write_text(" ".join(counted))
            self.context.progress(number, exec_properties["to"], "counting")
        (output_dict["number"][0].uri / "number.txt").write_text(" ".join(counted))


class KilledExecutor(BaseExecutor):
    """Is killed after half of its output."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        (output_dict["number"][0].uri / "number.txt").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


class MeetExecutor(BaseExecutor):
    """Waits in a folder for as many processes as `workers`, and writes how many came."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        place, end = Path(exec_properties["place"]), time.monotonic() + 60.0
        (place / str(os.getpid())).touch()
        while len(list(place.iterdir())) < exec_properties["workers"] and time.monotonic() < end:
            time.sleep(0.01)
        self.context.progress(1, 1, "met")
        artifact = output_dict["number"][0]
        (artifact.uri / "number.txt").write_text(str(len(list(place.iterdir()))))
        artifact.properties["came"] = len(list(place.iterdir()))
