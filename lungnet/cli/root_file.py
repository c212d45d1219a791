"""`pipeline.json` in a pipeline root: the data and the configuration that its steps share."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lungnet.cli import options
from lungnet.components import method_pipeline
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.pipeline import Pipeline
from lungnet.presets import config_from, merge_settings

_NAME = "pipeline.json"


@dataclass(frozen=True)
class RootFile:
    """What a pipeline root was made from.

    Attributes:
        data: folder of CT series, or None.
        arrays: `.npz` of patches, or None.
        config: of every step.
    """

    data: Path | None
    arrays: Path | None
    config: Config

    def pipeline(self, elsewhere: bool = False) -> Pipeline:
        """Wires the method for this data, here or on other machines, and this configuration."""
        return method_pipeline(self.config, data=self.data, arrays=self.arrays, elsewhere=elsewhere)

    def write(self, root: Path) -> None:
        """Writes `pipeline.json`.

        Raises:
            InputError: the root cannot be written.
        """
        write_json(root / _NAME, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Returns what `read` reads."""
        return {
            "data": str(self.data.resolve()) if self.data else None,
            "arrays": str(self.arrays.resolve()) if self.arrays else None,
            "config": self.config.model_dump(mode="json"),
        }

    @classmethod
    def resolve(
        cls,
        root: Path,
        data: Path | None,
        arrays: Path | None,
        preset: str | None,
        config_file: Path | None,
        settings: Sequence[str],
        seed: int | None,
        name: str = _NAME,
    ) -> "RootFile":
        """Says what a command works with: what its options name, and else what the root was made from.

        Settings are put over those of the root, unless data, a preset or a file begin anew. `name` is the
        file in the root that says what it was made from.

        Raises:
            InputError: there is no source of data, or a setting is wrong.
            click.UsageError: there are two sources, or none and no root either.
        """
        if data is not None and arrays is not None:
            raise click.UsageError("Give either --data FOLDER or --arrays FILE.npz.")
        known = None if (data or arrays) else cls.read(root, name)
        if known is None and data is None and arrays is None:
            raise click.UsageError(
                f"Give either --data FOLDER or --arrays FILE.npz: {root} is no pipeline root yet."
            )
        if known is None or preset is not None or config_file is not None:
            config = options.load(preset or "standard", config_file, settings, seed)
        else:
            values = known.config.model_dump()
            config = config_from(merge_settings(values, [*settings, *options.seed_setting(seed)]))
        if known is not None:
            data, arrays = known.data, known.arrays
        return cls(data, arrays, config)

    @classmethod
    def read(cls, root: Path, name: str = _NAME) -> "RootFile | None":
        """Reads `pipeline.json`, or another file with what it holds; returns None where there is none.

        Raises:
            InputError: the file is not one of ours.
        """
        path = root / name
        if not path.is_file():
            return None
        try:
            values = json.loads(path.read_text("utf-8"))
            data, arrays, config = values["data"], values["arrays"], values["config"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is not a pipeline file of lungnet.") from error
        return cls(Path(data) if data else None, Path(arrays) if arrays else None, config_from(config))
