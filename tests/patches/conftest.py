"""A chest of simple shapes, and nodules in it that "readers" outlined."""

import numpy as np
import pytest

from lungnet.ct import Volume
from lungnet.lidc import RATINGS, Annotation, Contour, Nodule, Scan

SERIES = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"
Z0_MM = -300.0
SPACING_MM = (2.5, 0.75, 0.75)


@pytest.fixture(scope="session")
def chest() -> Volume:
    """24 slices of 256 x 256: an ellipse of tissue with two lungs, in air."""
    rows, columns = np.mgrid[:256, :256]

    def ellipse(row: float, column: float, height: float, width: float) -> np.ndarray:
        return ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1

    plane = np.full((256, 256), -1000, np.int16)
    plane[ellipse(128, 128, 90, 120)] = 40
    plane[ellipse(128, 70, 65, 42) | ellipse(128, 186, 65, 42)] = -850
    noise = np.random.default_rng(0).normal(0, 20, (24, 256, 256))
    return Volume(
        hu=(plane + noise).astype(np.int16),
        spacing_mm=SPACING_MM,
        origin_xyz_lps_mm=(-96.0, -96.0, Z0_MM),
        series_uid=SERIES,
        patient_id="LIDC-IDRI-0001",
        slice_thickness_mm=2.5,
        manufacturer="Siemens",
    )


@pytest.fixture(scope="session")
def scan() -> Scan:
    z_mm = tuple(Z0_MM + 2.5 * index for index in range(24))
    return Scan(1, "LIDC-IDRI-0001", "1.2.3", SERIES, 2.5, 2.5, 0.75, z_mm)


def annotation(
    number: int, row: int, column: int, slices: range, radius: int = 4, malignancy: int = 5
) -> Annotation:
    """A square outline, the same on each slice."""
    low, high = -radius - 1, radius + 1
    ring = [(x, low) for x in range(low, high)] + [(high, y) for y in range(low, high)]
    ring += [(x, high) for x in range(high, low, -1)] + [(low, y) for y in range(high, low, -1)]
    points = np.array(ring, np.int32) + np.array([column, row], np.int32)
    contours = tuple(Contour(Z0_MM + 2.5 * index, True, points) for index in slices)
    ratings = tuple({"malignancy": malignancy, "texture": 4}.get(name, 1) for name in RATINGS)
    return Annotation(number, 1, ratings, contours)


def nodule(scan: Scan, one: Annotation) -> Nodule:
    """The nodule that a single reader marked."""
    points = one.contours[0].points_xy
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    z0, z1 = one.contours[0].z_mm, one.contours[-1].z_mm
    return Nodule(
        nodule_id=one.annotation_id,
        scan=scan,
        annotations=(one,),
        readers=1,
        centroid_xy_z=((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2),
        box_xy_z=((x0, x1), (y0, y1), (z0, z1)),
        diameter_mm=6.0,
        ratings=tuple(float(rating) for rating in one.ratings),
        malignancy_median=float(one.rating("malignancy")),
    )
