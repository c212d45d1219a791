"""A series that cannot be used: an archive of a thousand has some, and each is told with its reason."""

from dataclasses import dataclass

from lungnet.ct import SeriesFiles
from lungnet.errors import InputError


@dataclass(frozen=True)
class LeftOut:
    """Why a series is left out.

    Attributes:
        reason: a sentence, which may name files and folders.
        reason_without_folder: the same for a record: a folder's name may be a patient's.
    """

    reason: str
    reason_without_folder: str

    @classmethod
    def because_of(cls, error: InputError, series: SeriesFiles) -> "LeftOut":
        """Makes the reason of what reading or sampling a series raised."""
        reason = str(error)
        return cls(reason, reason.replace(f"{series.folder}/", "").replace(str(series.folder), "The series"))
