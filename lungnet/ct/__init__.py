"""CT volumes in Hounsfield units: DICOM series, MetaImage (LUNA16), candidates, axial windows, lungs."""

from lungnet.ct.candidates import Candidate, format_candidates, read_candidates, write_candidates
from lungnet.ct.errors import CTReadError
from lungnet.ct.identity import hashed_id, held_ids, same_series
from lungnet.ct.lungs import body_mask, lung_mask
from lungnet.ct.reading import read_series
from lungnet.ct.series import SeriesFiles, find_series
from lungnet.ct.volume import Volume
from lungnet.ct.windows import OUTSIDE_HU, extract

__all__ = [
    "OUTSIDE_HU",
    "CTReadError",
    "Candidate",
    "SeriesFiles",
    "Volume",
    "body_mask",
    "extract",
    "find_series",
    "format_candidates",
    "hashed_id",
    "held_ids",
    "lung_mask",
    "read_candidates",
    "read_series",
    "same_series",
    "write_candidates",
]
