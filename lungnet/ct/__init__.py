"""CT volumes in Hounsfield units: DICOM series, MetaImage (LUNA16), windows."""

from lungnet.ct.errors import CTReadError
from lungnet.ct.identity import hashed_id, held_ids, same_series
from lungnet.ct.reading import read_series
from lungnet.ct.series import SeriesFiles, find_series
from lungnet.ct.volume import Volume
from lungnet.ct.windows import OUTSIDE_HU, extract

__all__ = [
    "OUTSIDE_HU",
    "CTReadError",
    "SeriesFiles",
    "Volume",
    "extract",
    "find_series",
    "hashed_id",
    "held_ids",
    "read_series",
    "same_series",
]
