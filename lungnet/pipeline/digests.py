"""What files and folders hold, as SHA-256, remembered by path, size and time."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from lungnet.errors import InputError
from lungnet.hashing import file_sha256

_THREADS = min(8, os.cpu_count() or 1)
_COLUMNS = "path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT"
_TABLE = f"CREATE TABLE IF NOT EXISTS file ({_COLUMNS})"


class _File(NamedTuple):
    path: str
    size: int
    mtime_ns: int


class Digests:
    """Digests of files and folders.

    A file whose path, size and modification time are those of the last time is not read again. The memory is
    a file of its own, since it says something about this machine's disk alone; losing it costs time only.

    Args:
        memory: SQLite file that remembers digests; None remembers them in this object.
        verify: reads every file, whatever is remembered.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, memory: Path | None = None, verify: bool = False) -> None:
        self._verified: set[str] = set()
        self._verify = verify
        self._memory = _open(memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the memory."""
        self._memory.close()

    def of(self, path: Path) -> str:
        """Digests a file, or all files below a folder with their names relative to it.

        Returns:
            64 hexadecimal digits. They do not depend on where the folder lies, nor on any file's time.

        Raises:
            InputError: there is no such path, or something there cannot be read.
        """
        path = path.absolute()  # what is remembered holds in every working folder
        try:
            if not path.exists():
                raise InputError(f"{path} does not exist; expected a file or a folder.")
            files = sorted(_files(path)) if path.is_dir() else [_file(path)]
            known = self._digests(files)
        except OSError as error:
            raise InputError(f"Cannot read {error.filename or path}: {error.strerror or error}.") from error
        if not path.is_dir():
            return known[str(path)]
        whole = hashlib.sha256()
        for file in files:
            whole.update(f"{Path(file.path).relative_to(path).as_posix()}\0{known[file.path]}\n".encode())
        return whole.hexdigest()

    def moved(self, before: Path, after: Path) -> None:
        """Remembers files of the folder `before` under the name `after`, where they have been moved."""
        old, new = f"{before.absolute()}{os.sep}", f"{after.absolute()}{os.sep}"
        with self._memory:
            self._memory.execute(
                "UPDATE OR REPLACE file SET path = ? || substr(path, ?) WHERE substr(path, 1, ?) = ?",
                (new, len(old) + 1, len(old), old),
            )
        self._verified |= {new + path[len(old) :] for path in self._verified if path.startswith(old)}

    def _digests(self, files: list[_File]) -> dict[str, str]:
        known: dict[str, str] = {}
        unknown: list[_File] = []
        for file in files:
            row = self._memory.execute(
                "SELECT size, mtime_ns, sha256 FROM file WHERE path = ?", (file.path,)
            ).fetchone()
            fresh = row is not None and row[:2] == (file.size, file.mtime_ns)
            if fresh and (not self._verify or file.path in self._verified):
                known[file.path] = row[2]
            else:
                unknown.append(file)
        if unknown:
            with ThreadPoolExecutor(_THREADS) as pool:  # hashing lets other threads run
                known |= zip((f.path for f in unknown), pool.map(_sha256, unknown), strict=True)
            with self._memory:
                self._memory.executemany(
                    "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)",
                    [(*file, known[file.path]) for file in unknown],
                )
            self._verified |= {file.path for file in unknown}
        return known


def _open(memory: Path | None) -> sqlite3.Connection:
    if memory is None:
        connection = sqlite3.connect(":memory:")
        connection.execute(_TABLE)
        return connection
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(memory)
        except sqlite3.DatabaseError:  # damaged: what it remembered can be had again
            memory.unlink(missing_ok=True)
            return _connect(memory)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"Cannot write {memory}: {error}.") from error


def _connect(memory: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(memory, timeout=60)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # a digest that is lost is computed again
        connection.execute(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _files(folder: Path) -> Iterator[_File]:
    """The files below a folder, as CT series are searched: through links, each folder once, none hidden."""
    seen: set[tuple[int, int]] = set()
    for inner, folders, names in os.walk(folder, followlinks=True, onerror=_raise):
        status = os.stat(inner)  # noqa: PTH116 (a string is at hand)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (_file(Path(inner, name)) for name in names if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error


def _file(path: Path) -> _File:
    status = path.stat()
    return _File(str(path), status.st_size, status.st_mtime_ns)


def _sha256(file: _File) -> str:
    return file_sha256(file.path)
