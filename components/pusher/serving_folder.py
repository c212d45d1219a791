"""A folder from which models are served, one folder a version; see `lungnet.serving.versions`."""

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.files import atomic_path, write_json
from lungnet.serving.versions import FACTS, MODEL, SCANNER, version_numbers, whole_versions


@dataclass(frozen=True)
class ServingFolder:
    """The versions below one folder.

    Attributes:
        path: the folder; made by the first push.
    """

    path: Path

    def versions(self) -> list[int]:
        """The versions that a server would take, the oldest first."""
        return whole_versions(self.path)

    def push(self, model: Path, facts: Mapping[str, Any], cards: Iterable[Path] = ()) -> int:
        """Copies a model, and a scanner that lies beside it, into a new version, the newest there is.

        Two processes that push at once get a version each. One that is stopped in the middle leaves no
        version that a server would take.

        Args:
            model: the ONNX file.
            facts: of `model.json`.
            cards: files that tell of the model.

        Returns:
            The version.

        Raises:
            InputError: the folder is a file, or cannot be written.
        """
        version = self._claim()
        folder = self.path / str(version)
        try:
            write_json(folder / FACTS, facts)
            for card in cards:
                shutil.copyfile(card, folder / card.name)
            scanner = model.with_name(SCANNER)
            if scanner.is_file():
                shutil.copyfile(scanner, folder / SCANNER)
            with atomic_path(folder / MODEL) as temporary:
                shutil.copyfile(model, temporary)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return version

    def _claim(self) -> int:
        """Makes the folder of a version that nobody has."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            version = max([int(time.time()), *(number + 1 for number in version_numbers(self.path))])
            while True:
                try:
                    (self.path / str(version)).mkdir()
                    return version
                except FileExistsError:  # another process was faster
                    version += 1
        except OSError as error:
            raise InputError(f"Cannot write the serving folder {self.path}: {error.strerror}.") from error
