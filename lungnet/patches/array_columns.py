"""The arrays of an `.npz` of patches, each checked as it is asked for."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.patches.example import PATCH_SIZE


@dataclass(frozen=True)
class ArrayColumns:
    """The arrays of a file by key, each checked as it is asked for.

    What is wrong raises `lungnet.errors.InputError` that names the file, the key and what was received.

    Attributes:
        path: the file.
        arrays: key -> array, as stored.
    """

    path: Path
    arrays: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def open(cls, path: str | Path) -> "ArrayColumns":
        """Reads an `.npz` without pickled objects."""
        return cls(Path(path), _load(Path(path)))

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    @property
    def keys(self) -> str:
        """Its keys in words."""
        return ", ".join(sorted(self.arrays)) or "nothing"

    def require_one_of(self, *keys: str) -> None:
        """Raises where none of the keys is there."""
        if not any(key in self for key in keys):
            wanted = " or ".join(repr(key) for key in keys)
            raise InputError(f"{self.path} lacks {wanted}. Received: {self.keys}")

    def patches_hu(self) -> npt.NDArray[np.int16]:
        """The patches, rounded half to even: int16 `(n, h, w)`, h and w at least 40."""
        values = self.arrays["patches_hu"]
        if values.ndim != 3 or min(values.shape[1:]) < PATCH_SIZE or len(values) == 0:
            raise InputError(
                f"{self.path}: patches_hu must be (n, h, w) with n >= 1 and h, w >= {PATCH_SIZE}. "
                f"Received: {values.shape}"
            )
        self._require_finite_numbers("patches_hu", values)
        low, high = float(values.min()), float(values.max())
        if values.dtype.kind == "f":
            if low >= -1.0 and high <= 1.0:
                raise InputError(
                    f"{self.path}: patches_hu must be Hounsfield units, not scaled ones. "
                    f"Received: values from {low:g} to {high:g}"
                )
            values = np.rint(values)
        limits = np.iinfo(np.int16)
        if low < limits.min or high > limits.max:
            raise InputError(
                f"{self.path}: patches_hu must lie within {limits.min} to {limits.max} HU. "
                f"Received: values from {low:g} to {high:g}"
            )
        return values.astype(np.int16)

    def pixel_spacing_mm(self, count: int) -> npt.NDArray[np.float32]:
        """Between rows and between columns `(count, 2)`; zeros where the file tells nothing."""
        values = self.arrays.get("pixel_spacing_mm")
        if values is None:
            return np.zeros((count, 2), np.float32)
        if values.shape != (count, 2):
            return np.repeat(self.numbers("pixel_spacing_mm", count, 0.0, np.inf)[:, None], 2, axis=1)
        self._require_finite_numbers("pixel_spacing_mm", values)
        return values.astype(np.float32)

    def numbers(self, key: str, count: int, low: float, high: float) -> npt.NDArray[np.float32]:
        """The numbers of an optional key, zeros without it."""
        if key not in self:
            return np.zeros(count, np.float32)
        values = self._column(key, count)
        self._require_finite_numbers(key, values)
        if np.any(values < low) or np.any(values > high):
            limits = f"within {low:g} to {high:g}" if np.isfinite(high) else f"at least {low:g}"
            raise InputError(
                f"{self.path}: {key} must be {limits}. Received: {values.min():g} to {values.max():g}"
            )
        return values.astype(np.float32)

    def names(self, key: str, count: int, every: bool = True) -> list[str] | None:
        """The text of an optional key, of `every` patch or empty; whole numbers count as text."""
        if key not in self:
            return None
        values = self._column(key, count)
        if values.dtype.kind == "f" and np.all(np.isfinite(values)) and np.all(values == np.rint(values)):
            values = values.astype(np.int64)
        if values.dtype.kind not in "iuSU":
            raise InputError(
                f"{self.path}: {key} must be text or whole numbers. Received: {values.dtype} values"
            )
        names = [str(name, "utf-8") if isinstance(name, bytes) else str(name) for name in values.tolist()]
        if every and "" in names:
            raise InputError(
                f"{self.path}: {key} must name every patch. Received: {names.count('')} empty names"
            )
        return names

    def integers(self, key: str, count: int) -> npt.NDArray[np.int64]:
        """The whole numbers of a key that is there."""
        values = self._column(key, count)
        if values.dtype.kind not in "iu":
            raise InputError(f"{self.path}: {key} must be whole numbers. Received: {values.dtype} values")
        return values.astype(np.int64)

    def _column(self, key: str, count: int) -> npt.NDArray[Any]:
        values = self.arrays[key]
        if values.shape != (count,):
            raise InputError(
                f"{self.path}: {key} must have one value for each of the {count} patches. "
                f"Received: {values.shape}"
            )
        return values

    def _require_finite_numbers(self, key: str, values: npt.NDArray[Any]) -> None:
        if values.dtype.kind not in "biuf":
            raise InputError(f"{self.path}: {key} must be numbers. Received: {values.dtype} values")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            broken = np.argwhere(~np.isfinite(values))
            raise InputError(
                f"{self.path}: {key} must be finite. "
                f"Received: {len(broken)} NaN or infinite values, the first in row {broken[0][0]}"
            )


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    expected = "expected an .npz file of patches"
    try:
        # np.load leaves a file that it opened itself open where that file is damaged.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise InputError(f"{path} holds a single array; {expected}.")
            with loaded:
                return {key: loaded[key] for key in loaded.files}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path} is truncated or damaged; {expected}.") from error
    except InputError:
        raise
    except ValueError as error:
        if "Object arrays" in str(error):
            raise InputError(
                f"{path} holds an array of Python objects; expected numbers and text."
            ) from error
        raise InputError(f"{path} is no NumPy file; {expected}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
