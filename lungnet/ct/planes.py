"""Morphology of every plane of a stack at once, as `scipy.ndimage` does it plane by plane.

Masks are bool `(slices, rows, columns)`; nothing reaches from one slice into another. A disk of radius r
holds the pixels whose centres lie within r of its own.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]

#: Neighbours within the plane alone: above, below, left, right.
_CROSS = np.zeros((3, 3, 3), bool)
_CROSS[1] = ndimage.generate_binary_structure(2, 1)


def dilate(mask: Mask, radius: float) -> Mask:
    """Adds all pixels within `radius` pixels of the mask; nothing lies beyond the border."""
    reach = int(radius)
    # Rows of the disk from its top down: each is at least as wide as the one above.
    spread, width = mask.copy(), 0
    dilated = np.zeros_like(mask)
    for down in range(reach, -1, -1):
        while math.hypot(width + 1, down) <= radius:
            width += 1
            spread[:, :, width:] |= mask[:, :, :-width]
            spread[:, :, :-width] |= mask[:, :, width:]
        dilated[:, down:] |= spread[:, : spread.shape[1] - down]
        dilated[:, : dilated.shape[1] - down] |= spread[:, down:]
    return dilated


def erode(mask: Mask, radius: float, *, beyond: bool) -> Mask:
    """Leaves the pixels all of whose surroundings within `radius` pixels belong to the mask.

    Args:
        mask: what to erode.
        radius: of the disk, in pixels.
        beyond: whether what lies beyond the border counts as part of the mask.
    """
    if beyond:
        return ~dilate(~mask, radius)
    margin = int(radius)
    around = ((0, 0), (margin, margin), (margin, margin))
    outside = dilate(np.pad(~mask, around, constant_values=True), radius)
    return ~outside[:, margin : margin + mask.shape[1], margin : margin + mask.shape[2]]


def open_by(mask: Mask, radius: float) -> Mask:
    """Removes what no disk of `radius` pixels fits into, with the mask's edge pixels repeated beyond it."""
    margin = int(radius)
    continued = np.pad(mask, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    opened = dilate(erode(continued, radius, beyond=False), radius)
    return opened[:, margin : margin + mask.shape[1], margin : margin + mask.shape[2]]


def close_by(mask: Mask, radius: float) -> Mask:
    """Fills what no disk of `radius` pixels fits into beside the mask; nothing lies beyond the border."""
    margin = int(radius) + 1
    padded = np.pad(mask, ((0, 0), (margin, margin), (margin, margin)))
    closed = erode(dilate(padded, radius), radius, beyond=True)
    return closed[:, margin:-margin, margin:-margin] | mask


def fill_holes(mask: Mask, largest: float = math.inf) -> Mask:
    """Fills the holes of up to `largest` pixels: what is enclosed by the mask, diagonals not counting."""
    labels, count = ndimage.label(~mask, _CROSS)
    fill = np.bincount(labels.ravel(), minlength=count + 1) <= largest
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        fill[edge] = False
    fill[0] = True  # the mask itself
    return fill[labels]
