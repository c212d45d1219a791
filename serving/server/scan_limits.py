"""What a server takes upon itself where whole CT series are sent to it."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ScanLimits:
    """Bounds of what is uploaded; what lies beyond them is refused.

    Attributes:
        max_upload_bytes: of a zip archive (413).
        max_unpacked_bytes: of all its files together (413).
        max_files: in it (413).
        max_slices: of the series (413).
        max_slice_pixels: rows times columns (413).
        upload_seconds: from the headers to the end of the archive (408).
        scan_seconds: from there to the answer (503).
        max_scans: that are uploaded, wait or run at a time; more are turned away (503, Retry-After).
        retry_after_seconds: what those turned away are told.

    Raises:
        ValueError: a bound is not above zero.
    """

    max_upload_bytes: int = 2**30
    max_unpacked_bytes: int = 4 * 2**30
    max_files: int = 4096
    max_slices: int = 2048
    max_slice_pixels: int = 2048 * 2048
    upload_seconds: float = 300.0
    scan_seconds: float = 300.0
    max_scans: int = 4
    retry_after_seconds: int = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"{field.name} must be above 0. Received: {field.name}={value}")
