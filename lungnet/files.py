"""Files and folders that are either whole or not there."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lungnet.errors import InputError


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a temporary name beside `path`; on success it is renamed to `path`, else removed.

    Whatever stands under the temporary name when the block ends (a file or a folder) is moved.
    A file that was there is replaced in one step. An existing folder is never replaced.

    Raises:
        InputError: the parent folder cannot be made or written, or `path` is an existing folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder that exists already; expected a new name.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error
    try:
        temporary = holder / path.name
        yield temporary
        temporary.replace(path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys, atomically."""
    with atomic_path(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
