"""What a server takes upon itself where whole CT series are sent to it, or fetched by it."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class ScanLimits:
    """Bounds of what is uploaded or fetched; what lies beyond them is refused.

    Attributes:
        max_upload_bytes: of a zip archive (413).
        max_unpacked_bytes: of all its files together, or of all instances that are fetched (413).
        max_files: in an archive (413).
        max_slices: of the series (413).
        max_slice_pixels: rows times columns (413).
        max_voxels: of the series, decoded (413).
        upload_seconds: from the headers to the end of the archive (408).
        fetch_seconds: a DICOMweb server has to send a series (504).
        scan_seconds: from there to the results (503).
        store_seconds: a DICOMweb server has to take the results (504).
        max_scans: that are uploaded or fetched, wait or run at a time; more are turned away (503,
            Retry-After).
        retry_after_seconds: what those turned away are told.

    Raises:
        ValueError: a bound is not above zero.
    """

    max_upload_bytes: int = 2**30
    max_unpacked_bytes: int = 4 * 2**30
    max_files: int = 4096
    max_slices: int = 2048
    max_slice_pixels: int = 2048 * 2048
    max_voxels: int = 2**30
    upload_seconds: float = 300.0
    fetch_seconds: float = 300.0
    scan_seconds: float = 300.0
    store_seconds: float = 60.0
    max_scans: int = 4
    retry_after_seconds: int = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"{field.name} must be above 0. Received: {field.name}={value}")

    def for_each_of(self, processes: int) -> "ScanLimits":
        """Returns the bounds of each process of several; a series may wait in each, too."""
        return replace(self, max_scans=max(min(2, self.max_scans), self.max_scans // processes))
