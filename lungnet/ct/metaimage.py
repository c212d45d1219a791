"""MetaImage: a `.mhd` header beside raw or zlib-compressed pixels, as LUNA16 comes."""

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lungnet.ct.errors import CTReadError
from lungnet.ct.identity import held_series_uid, is_research_patient
from lungnet.ct.volume import Volume

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
#: Types of 8 bits cannot hold HU: such files are masks.
_MASKS = ("MET_CHAR", "MET_UCHAR")
#: A header is some hundred bytes of text; what is longer is something else.
_LONGEST_HEADER = 1 << 16


def read_mhd(path: Path) -> Volume:
    """Reads a three-dimensional MetaImage with its pixels in a file of their own.

    Values are taken as Hounsfield units, rounded half to even and saturated to int16. Slices are turned
    around where they run against the slice normal, as `Volume` promises.

    Args:
        path: the `.mhd` file.

    Returns:
        The volume; `series_uid` and `patient_id` come from the file's name.

    Raises:
        CTReadError: the header or the pixels are missing, damaged or of a form that is not supported.
    """
    fields = _fields(path)
    size = _numbers(path, fields, "DimSize", 3)
    spacing = _numbers(path, fields, "ElementSpacing" if "ElementSpacing" in fields else "ElementSize", 3)
    if min(size) < 1 or any(side != int(side) for side in size) or min(spacing) <= 0:
        raise CTReadError(f"{path}: DimSize and ElementSpacing must be positive. Received: {size}, {spacing}")
    origin = np.array(
        _numbers(path, fields, _first_of(fields, "Offset", "Position", "Origin"), 3, (0.0,) * 3)
    )
    matrix_name = _first_of(fields, "TransformMatrix", "Rotation", "Orientation")
    # A row of the file's matrix is the direction of one axis.
    direction = np.reshape(_numbers(path, fields, matrix_name, 9, tuple(np.eye(3).ravel())), (3, 3)).T
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
        raise CTReadError(f"{path}: {matrix_name} must hold three unit vectors at right angles.")
    columns, rows, slices = (int(side) for side in size)
    hu = _to_int16(_pixels(path, fields, (slices, rows, columns)))
    if np.linalg.det(direction) < 0:
        hu = np.ascontiguousarray(hu[::-1])
        origin = origin + direction[:, 2] * spacing[2] * (slices - 1)
        direction = direction * (1.0, 1.0, -1.0)
    series_uid, patient_id = mhd_ids(path)
    return Volume(
        hu=hu,
        spacing_mm=(spacing[2], spacing[1], spacing[0]),
        origin_xyz_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=direction,
        series_uid=series_uid,
        patient_id=patient_id,
    )


def holds_ct(path: Path) -> bool:
    """Whether a MetaImage can hold Hounsfield units: it has more than 8 bits.

    Raises:
        CTReadError: the file is no MetaImage header.
    """
    return _fields(path).get("ElementType") not in _MASKS


def mhd_ids(path: Path) -> tuple[str, str]:
    """Returns (series UID, patient id) of a MetaImage, both made from its name."""
    if is_research_patient(path.stem):
        return path.stem, path.stem
    held = held_series_uid(path.stem)
    return held, held


def _fields(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_HEADER).decode("latin-1")
    except OSError as error:
        raise CTReadError(f"{path} cannot be read: {error.strerror or error}.") from error
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if not sign:
            continue
        fields[name.strip()] = value.strip()
        if name.strip() == "ElementDataFile":
            break
    missing = [name for name in ("DimSize", "ElementType", "ElementDataFile") if name not in fields]
    if missing:
        raise CTReadError(f"{path} is not a MetaImage header: it has no {', '.join(missing)}.")
    return fields


def _first_of(fields: dict[str, str], *names: str) -> str:
    return next((name for name in names if name in fields), names[0])


def _numbers(
    path: Path, fields: dict[str, str], name: str, count: int, default: tuple[float, ...] = ()
) -> tuple[float, ...]:
    if name not in fields and default:
        return default
    try:
        numbers = tuple(float(part) for part in fields.get(name, "").split())
    except ValueError:
        numbers = ()
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise CTReadError(f"{path}: {name} must be {count} finite numbers. Received: {fields.get(name)!r}")
    return numbers


def _pixels(path: Path, fields: dict[str, str], shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    kind = fields["ElementType"]
    if kind not in _TYPES or kind in _MASKS or fields.get("ElementNumberOfChannels", "1") != "1":
        raise CTReadError(
            f"{path}: expected one CT value of 16 bits or more a voxel. Received: ElementType={kind}, "
            f"ElementNumberOfChannels={fields.get('ElementNumberOfChannels', '1')}"
        )
    name = fields["ElementDataFile"]
    if name in ("LOCAL", "LIST") or "%" in name:
        raise CTReadError(f"{path}: ElementDataFile must name one .raw or .zraw file. Received: {name}")
    big = "true" in (
        fields.get("BinaryDataByteOrderMSB", "").lower(),
        fields.get("ElementByteOrderMSB", "").lower(),
    )
    kind_of_voxel = np.dtype((">" if big else "<") + _TYPES[kind])
    expected = int(np.prod(shape)) * kind_of_voxel.itemsize
    data_file = path.parent / name
    try:
        data = data_file.read_bytes()
        if fields.get("CompressedData", "").lower() == "true":
            data = zlib.decompressobj().decompress(data, expected + 1)
    except OSError as error:
        raise CTReadError(f"{data_file} (named by {path.name}) cannot be read: {error.strerror}.") from error
    except zlib.error as error:
        raise CTReadError(f"{data_file} is truncated or damaged: it cannot be decompressed.") from error
    if len(data) != expected:
        raise CTReadError(f"{data_file} holds {len(data)} bytes; expected {expected} as {path.name} says.")
    return np.frombuffer(data, kind_of_voxel).reshape(shape)


def _to_int16(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int16]:
    if values.dtype == np.int16:
        return values.astype(np.int16)
    rounded = np.rint(values) if values.dtype.kind == "f" else values
    return np.clip(rounded, -32768, 32767).astype(np.int16)
