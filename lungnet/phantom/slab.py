"""The part of a chest that is scanned, and where its voxels lie."""

from dataclasses import dataclass

import numpy as np

from lungnet.phantom.fields import Field, coarse_offsets
from lungnet.phantom.thorax import Thorax

#: The chest's middle lies this share of the wall above the middle of the field of view.
MIDDLE_SHARE = 0.25


@dataclass(frozen=True)
class Slab:
    """The part of a chest that is scanned, `slices` of `size x size` pixels.

    Attributes:
        slices, size: of the volume.
        spacing_mm: between slices.
        pixel_mm: between pixels.
        thickness_mm: of a slice.
        bottom_mm: depth of the lowest slice, which is slice 0, below the apex of the lungs.
    """

    slices: int
    size: int
    spacing_mm: float
    pixel_mm: float
    thickness_mm: float
    bottom_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the volume, `(slices, rows, columns)`."""
        return (self.slices, self.size, self.size)

    @property
    def center_px(self) -> float:
        """Row and column of the middle of the field of view."""
        return (self.size - 1) / 2

    def depths_mm(self) -> Field:
        """How deep each slice lies below the apex, float32 `(slices,)`."""
        return np.float32(self.bottom_mm) - np.arange(self.slices, dtype=np.float32) * np.float32(
            self.spacing_mm
        )

    def origin_mm(self, thorax: Thorax) -> tuple[float, float, float]:
        """Where the first voxel's centre lies, as (depth below the apex, y, x)."""
        corner = -self.center_px * self.pixel_mm
        return (self.bottom_mm, corner + MIDDLE_SHARE * thorax.wall_mm, corner)

    def grid(self, thorax: Thorax) -> tuple[Field, Field, Field]:
        """Coarse x, y and level, which broadcast to `(slices, size / 4, size / 4)`."""
        offsets = coarse_offsets(self.size, self.pixel_mm, self.center_px)
        level = self.depths_mm()[:, None, None] / np.float32(thorax.height_mm)
        return (
            offsets[None, None, :],
            offsets[None, :, None] + np.float32(MIDDLE_SHARE * thorax.wall_mm),
            level,
        )
