"""Maps over a CT as NIfTI-1, the form in which viewers overlay them."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.files import atomic_path

#: Header fields in the order of nifti1.h; those that are not named are zero.
_HEADER = struct.Struct("<i10s18sihcB8h3f4h8f3fhBB4fii80s24shh3f3f4f4f4f16s4s")
_FLOAT32, _SCANNER_FRAME, _MILLIMETRES = 16, 1, 2
_DATA_OFFSET = 352  # 348 bytes of header, 4 that say that nothing follows it
_MAX_AXIS = 32767


def write_nifti(
    path: str | os.PathLike[str],
    values: npt.NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    origin_xyz_lps_mm: tuple[float, float, float],
    direction: npt.NDArray[np.float64],
    description: str = "",
) -> None:
    """Writes float32 values on a grid in the patient.

    NIfTI's frame is RAS: x and y point the other way than in DICOM (LPS), so that the same place has the
    opposite signs there. The frame is written as `sform`, exact for any orientation, with `qform` unset.

    Args:
        path: ending in `.nii`, or `.nii.gz` for a compressed file.
        values: float32 `(slices, rows, columns)`.
        spacing_mm: between their centres, (slice, row, column).
        origin_xyz_lps_mm: centre of the first one, in the DICOM patient frame.
        direction: `(3, 3)`, as in `lungnet.ct.Volume`.
        description: up to 79 characters of ASCII.

    Raises:
        InputError: the name ends otherwise, or the file cannot be written.
        ValueError: `values` is not three-dimensional, or an axis is longer than the format allows.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise InputError(f"{path}: expected a name that ends in .nii or .nii.gz.")
    if values.ndim != 3 or max(values.shape) > _MAX_AXIS:
        raise ValueError(
            f"values must be (slices, rows, columns), at most {_MAX_AXIS} each. Received: {values.shape}"
        )
    slices, rows, columns = values.shape
    affine = np.zeros((3, 4))
    affine[:, :3] = np.asarray(direction) * np.asarray(spacing_mm[::-1])
    affine[:, 3] = origin_xyz_lps_mm
    affine[:2] *= -1  # LPS to RAS
    slice_mm, row_mm, column_mm = spacing_mm
    header = _HEADER.pack(
        *(348, b"", b"", 0, 0, b"r", 0),
        *(3, columns, rows, slices, 1, 1, 1, 1),
        *(0.0, 0.0, 0.0, 0, _FLOAT32, 32, 0),
        *(1.0, column_mm, row_mm, slice_mm, 0.0, 0.0, 0.0, 0.0),
        *(_DATA_OFFSET, 1.0, 0.0, 0, 0, _MILLIMETRES, 0.0, 0.0, 0.0, 0.0, 0, 0),
        *(description.encode("ascii")[:79], b"", 0, _SCANNER_FRAME, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        *affine.ravel(),
        *(b"", b"n+1\0"),
    )
    content = header + bytes(_DATA_OFFSET - len(header)) + np.ascontiguousarray(values, "<f4").tobytes()
    with atomic_path(path) as temporary:
        # No time stamp and no name: the same map gives the same file.
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
