"""One CT series as a volume in Hounsfield units."""

import os
from pathlib import Path

import numpy as np

from lungnet.ct import elements
from lungnet.ct.elements import Header, read_header
from lungnet.ct.errors import CTReadError
from lungnet.ct.geometry import Stack, stack_slices
from lungnet.ct.identity import same_series
from lungnet.ct.metaimage import read_mhd
from lungnet.ct.series import SeriesFiles, Survey, header_ids, survey, why_not_ct
from lungnet.ct.slices import decode_slice, read_hu
from lungnet.ct.volume import Volume


def read_series(path: str | os.PathLike[str] | SeriesFiles, series_uid: str | None = None) -> Volume:
    """Reads one CT series.

    Slices are sorted by position along their normal; HU is slope x stored + intercept, slice by slice,
    rounded half to even and saturated to int16. Pixels that carry the padding value are rescaled like all
    others. Localisers and exact copies of a slice are dropped.

    Args:
        path: a folder (searched with all below it), a DICOM file (its series, from its folder), a `.mhd`
            file or what `find_series` found.
        series_uid: which series, where there are several: the UID in the files, or the hash that stands
            for it in lungnet.

    Returns:
        The volume. `patient_id` and `series_uid` are kept for LIDC-IDRI, LUNA16 and phantoms, and keyed
        hashes otherwise; for MetaImage both come from the file's name.

    Raises:
        CTReadError: there is no series or there are several, or a file is truncated, is no DICOM, lacks an
            element or has no decoder here; or slices are missing, unevenly spaced, tilted, of different
            size, orientation or pixel spacing, or differ at the same position.
    """
    if not isinstance(path, SeriesFiles) and Path(path).suffix.lower() == ".mhd" and not Path(path).is_dir():
        volume = read_mhd(Path(path))
        if series_uid is not None and not same_series(series_uid, volume.series_uid):
            raise CTReadError(f"{path} is not series {series_uid}; it holds {volume.series_uid}.")
        return volume
    one, headers = _choose(path, series_uid)
    return read_mhd(one.files[0]) if one.kind == "mhd" else _read_found(one, headers)


def read_stack(path: str | os.PathLike[str] | SeriesFiles, series_uid: str | None = None) -> Stack:
    """Orders the slices of one DICOM series and finds its geometry, from headers alone.

    Args:
        path: a folder (searched with all below it), a DICOM file (its series, from its folder) or what
            `find_series` found.
        series_uid: which series, as for `read_series`.

    Raises:
        CTReadError: the series is MetaImage; otherwise as `read_series`, save that pixels are not looked at.
    """
    one, headers = _choose(path, series_uid)
    if one.kind == "mhd":
        raise CTReadError(f"{one.files[0]} is MetaImage; expected a DICOM series.")
    return _stack_found(one, headers)[0]


def _choose(
    path: str | os.PathLike[str] | SeriesFiles, series_uid: str | None
) -> tuple[SeriesFiles, list[Header]]:
    """Returns the series meant, and the headers of its files in their order (none for MetaImage)."""
    if isinstance(path, SeriesFiles):
        _check_wanted(series_uid, [path], path.folder)
        return path, [] if path.kind == "mhd" else [_header_of(file) for file in path.files]
    path = Path(path)
    if path.is_dir():
        found, folder = survey(path), path
    else:
        wanted = header_ids(_header_of(path))[2]
        if series_uid is not None and not same_series(series_uid, wanted):
            raise CTReadError(f"{path} is not of series {series_uid}; it is of {wanted}.")
        found, folder, series_uid = survey(path.parent), path.parent, wanted
    one = _the_one(found, series_uid, folder)
    return one, found.headers.get(one.series_uid, [])


def _header_of(path: Path) -> Header:
    header = read_header(path)
    if header is None:
        raise CTReadError(f"{path} is not a CT: expected a folder, a DICOM file or a .mhd file.")
    if reason := why_not_ct(header):
        raise CTReadError(f"{path} is no slice of a CT series ({reason}).")
    return header


def _the_one(found: Survey, series_uid: str | None, folder: Path) -> SeriesFiles:
    if found.broken and not (found.series and series_uid):
        raise next(iter(found.broken.values()))
    if not found.series:
        left_out = ", ".join(f"{reason}: {count} files" for reason, count in sorted(found.left_out.items()))
        raise CTReadError(
            f"{folder} holds no CT series; expected DICOM or .mhd files"
            + (f" (left out: {left_out})." if left_out else ".")
        )
    candidates = _check_wanted(series_uid, found.series, folder)
    if len(candidates) > 1:
        listed = ", ".join(f"{one.series_uid} ({len(one.files)} files in {one.folder})" for one in candidates)
        raise CTReadError(f"{folder} holds {len(candidates)} series; choose one with series_uid: {listed}.")
    return candidates[0]


def _check_wanted(series_uid: str | None, there: list[SeriesFiles], folder: Path) -> list[SeriesFiles]:
    if series_uid is None:
        return there
    wanted = [one for one in there if same_series(series_uid, one.series_uid)]
    if not wanted:
        listed = ", ".join(one.series_uid for one in there)
        raise CTReadError(f"{folder} holds no series {series_uid}; it holds {listed}.")
    return wanted


def _read_found(one: SeriesFiles, headers: list[Header]) -> Volume:
    stack, thickness_mm = _stack_found(one, headers)
    return Volume(
        hu=_read_pixels(stack),
        spacing_mm=stack.spacing_mm,
        origin_xyz_lps_mm=stack.origin_xyz_lps_mm,
        direction=stack.direction,
        series_uid=one.series_uid,
        patient_id=one.patient_id,
        slice_thickness_mm=thickness_mm,
        manufacturer=headers[0].text(elements.MANUFACTURER),
    )


def _stack_found(one: SeriesFiles, headers: list[Header]) -> tuple[Stack, float]:
    """Returns the stack and the slice thickness in mm, 0.0 if it is not stated."""
    for broken in one.broken:
        read_header(broken)  # raises what is wrong with it
        raise CTReadError(f"{broken} could not be read when the series was found.")
    thickness = headers[0].text(elements.SLICE_THICKNESS)
    try:
        thickness_mm = max(float(thickness or 0.0), 0.0)
    except ValueError as error:
        raise CTReadError(
            f"{headers[0].path}: (0018,0050) Slice Thickness must be a number. Received: {thickness!r}"
        ) from error
    return stack_slices([decode_slice(header) for header in headers], thickness_mm), thickness_mm


def _read_pixels(stack: Stack) -> np.ndarray:
    first = stack.slices[0]
    hu = np.empty((len(stack.slices), first.rows, first.columns), np.int16)
    for one, out in zip(stack.slices, hu, strict=True):
        read_hu(one, out)
    other = np.empty_like(hu[0])
    for index, copy in stack.copies:
        read_hu(copy, other)
        if copy.position != stack.slices[index].position or not np.array_equal(other, hu[index]):
            raise CTReadError(
                f"{copy.path} and {stack.slices[index].path.name} lie at the same position "
                f"{copy.position} mm but differ; expected one slice for each position."
            )
    return hu
