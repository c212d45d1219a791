"""CT series as DICOM: CT Image Storage, Explicit VR Little Endian, signed 16-bit pixels."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from lungnet.hashing import stable_uid

#: What stored values are rescaled with: HU = stored + intercept.
INTERCEPT_HU = -1024
#: Of the UIDs that `phantom_uid` makes.
NAMESPACE = uuid.UUID("40e8a8f5-63a6-5d0b-8f0e-5d0ab8b1b1d3")
#: (0002,0012) of every file, so that files do not depend on the version of the library that wrote them.
IMPLEMENTATION_UID = UID("2.25.86284091937093514461498204361936487219")
SERIES_DESCRIPTION = "Synthetic phantom, not a patient"
#: No phantom was ever scanned: the date is the one that the archive gives to all its patients.
DATE, TIME = "20000101", "000000"


def phantom_uid(*parts: object) -> str:
    """Returns a UID that depends on the text of `parts` alone."""
    return stable_uid(NAMESPACE, *parts)


@dataclass(frozen=True)
class SeriesHeader:
    """What the files of a series say besides their pixels.

    Attributes:
        patient_id: Patient ID, and the name.
        study_uid, series_uid: instance UIDs; those of the slices follow from `series_uid`.
        pixel_mm: spacing of rows and of columns.
        spacing_mm: between slices.
        thickness_mm: of a slice.
        bottom_z_mm: z of slice 0 in the patient frame; the slices go up from there.
        comment: Image Comments.
    """

    patient_id: str
    study_uid: str
    series_uid: str
    pixel_mm: float
    spacing_mm: float
    thickness_mm: float
    bottom_z_mm: float
    comment: str

    def z_text(self, k: int) -> str:
        """Returns z of slice `k` as it is written everywhere, in mm with three decimals."""
        return f"{self.bottom_z_mm + k * self.spacing_mm:.3f}"

    def sop_uid(self, k: int) -> str:
        """Returns the SOP Instance UID of slice `k`."""
        return phantom_uid(self.series_uid, k)


def slice_name(number: int) -> str:
    """Returns the name of the file of the instance of this number, from 1."""
    return f"{number:06d}.dcm"


def write_series(folder: Path, hu: npt.NDArray[np.int16], header: SeriesHeader) -> None:
    """Writes a series as `000001.dcm` ..., from the uppermost slice to the lowest.

    Args:
        folder: an existing folder.
        hu: int16 `(slices, rows, columns)`, lowest slice first, at least -1024 HU.
        header: the rest.
    """
    for number, dataset in enumerate(_slices(hu, header), 1):
        pydicom.dcmwrite(folder / slice_name(number), dataset, enforce_file_format=True)


def _slices(hu: npt.NDArray[np.int16], header: SeriesHeader) -> Iterator[Dataset]:
    """Yields one data set again and again, with the elements of each slice in turn."""
    dataset = _common(hu.shape, header)
    corner = f"{-(hu.shape[2] - 1) / 2 * header.pixel_mm:.3f}"
    for number, k in enumerate(range(len(hu) - 1, -1, -1), 1):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(header.sop_uid(k))
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = [corner, corner, header.z_text(k)]
        dataset.SliceLocation = header.z_text(k)
        dataset.PixelData = (hu[k] - np.int16(INTERCEPT_HU)).astype("<i2").tobytes()
        dataset["PixelData"].VR = "OW"
        yield dataset


def _common(shape: tuple[int, ...], header: SeriesHeader) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "LUNGNET_PHANTOM"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = TIME
    dataset.AccessionNumber = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = "lungnet phantom"
    dataset.ManufacturerModelName = "lungnet phantom"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = SERIES_DESCRIPTION
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.PatientName = f"{header.patient_id}^"
    dataset.PatientID = header.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.BodyPartExamined = "CHEST"
    dataset.SliceThickness = f"{header.thickness_mm:g}"
    dataset.KVP = ""
    dataset.SpacingBetweenSlices = f"{header.spacing_mm:g}"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = header.study_uid
    dataset.SeriesInstanceUID = header.series_uid
    dataset.StudyID = "1"
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.FrameOfReferenceUID = phantom_uid(header.series_uid, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.ImagesInAcquisition = shape[0]
    dataset.ImageComments = header.comment
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape[1:]
    dataset.PixelSpacing = [f"{header.pixel_mm:.6f}"] * 2
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.QualityControlImage = "YES"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = "-600", "1600"
    dataset.RescaleIntercept, dataset.RescaleSlope = str(INTERCEPT_HU), "1"
    dataset.RescaleType = "HU"
    return dataset
