import numpy as np
import pytest
from scipy.spatial.distance import pdist

from lungnet.lidc import diameter_mm, nodules_of


def test_a_nodule_of_two_readers_by_hand(make_scan, make_annotation):
    first = make_annotation(
        4, (0.0, 10, 20, 14, 24), (2.0, 10, 20, 14, 24), ratings=(5, 1, 6, 3, 4, 1, 1, 0, 4)
    )
    second = make_annotation(9, (2.0, 12, 20, 18, 28), ratings=(3, 1, 6, 4, 4, 2, 1, 0, 1))
    (nodule,) = nodules_of(make_scan(), [second, first])
    assert nodule.nodule_id == 4
    assert nodule.readers == 2
    assert nodule.annotations == (first, second)
    # Reader means (12, 22, 1.0) and (15, 24, 2.0).
    assert nodule.centroid_xy_z == (13.5, 23.0, 1.5)
    assert nodule.box_xy_z == ((10.0, 18.0), (20.0, 28.0), (0.0, 2.0))
    # Diagonals of 4 x 4 and of 6 x 8 pixels of 0.5 mm.
    assert nodule.diameter_mm == pytest.approx((np.sqrt(32) * 0.5 + 5.0) / 2)
    assert nodule.rating("subtlety") == 4.0
    assert nodule.rating("texture") == 0.0
    assert nodule.malignancy == nodule.malignancy_median == 2.5


def test_a_missing_rating_is_left_out_of_the_mean(make_scan, make_annotation):
    given = [(5,) * 9, (0,) * 9, (4,) * 9]
    square = (0.0, 10, 10, 14, 14)
    annotations = [make_annotation(i, square, ratings=ratings) for i, ratings in enumerate(given, 1)]
    (nodule,) = nodules_of(make_scan(), annotations)
    assert nodule.malignancy == 4.5
    assert nodule.readers == 3


def test_diameter_is_the_largest_of_all_contours(all_scans, all_annotations):
    for scan in all_scans[:30]:
        for annotation in all_annotations[scan.scan_id]:
            largest = max(pdist(contour.points_xy).max() for contour in annotation.contours)
            assert diameter_mm(annotation, scan) == pytest.approx(largest * scan.pixel_spacing_mm)


def test_an_outline_of_one_point_has_no_diameter(make_scan, make_annotation):
    assert diameter_mm(make_annotation(1, (0.0, 3, 3, 3, 3)), make_scan()) == 0.0


def test_every_annotation_is_in_one_nodule(all_scans, all_annotations):
    for scan in all_scans[:60]:
        nodules = nodules_of(scan, all_annotations[scan.scan_id])
        ids = sorted(a.annotation_id for nodule in nodules for a in nodule.annotations)
        assert ids == [a.annotation_id for a in all_annotations[scan.scan_id]]
        assert all(nodule.nodule_id == nodule.annotations[0].annotation_id for nodule in nodules)
