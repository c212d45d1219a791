"""Scans and annotations by hand, and the whole database once."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lungnet.lidc import Annotation, Cohort, Contour, Scan, load_annotations, load_scans, select_cohort

MakeScan = Callable[..., Scan]
MakeAnnotation = Callable[..., Annotation]


@pytest.fixture
def make_scan() -> MakeScan:
    """A scan of 20 slices, 2 mm apart, with pixels of 0.5 mm; any field can be given."""

    def make(**fields: object) -> Scan:
        defaults: dict = {
            "scan_id": 0,
            "patient_id": "PHANTOM-0001",
            "study_uid": "1.2.3",
            "series_uid": "1.2.3.4",
            "slice_thickness_mm": 2.0,
            "slice_spacing_mm": 2.0,
            "pixel_spacing_mm": 0.5,
            "slice_z_mm": tuple(float(z) for z in range(-10, 30, 2)),
        }
        return Scan(**{**defaults, **fields})

    return make


@pytest.fixture
def make_annotation() -> MakeAnnotation:
    """A reader's square outlines: `(z, column0, row0, column1, row1)` each, corners only."""

    def make(
        annotation_id: int,
        *squares: tuple[float, int, int, int, int],
        ratings: Sequence[int] = (3,) * 9,
        holes: Sequence[tuple[float, int, int, int, int]] = (),
    ) -> Annotation:
        contours = [
            Contour(z, inclusion, np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.int32))
            for inclusion, group in ((True, squares), (False, holes))
            for z, x0, y0, x1, y1 in group
        ]
        contours.sort(key=lambda contour: contour.z_mm)
        return Annotation(annotation_id, 0, tuple(ratings), tuple(contours))

    return make


@pytest.fixture(scope="session")
def all_scans() -> list[Scan]:
    return load_scans()


@pytest.fixture(scope="session")
def all_annotations() -> dict[int, list[Annotation]]:
    return load_annotations()


@pytest.fixture(scope="session")
def papers_cohort() -> Cohort:
    return select_cohort()
