import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from lungnet.lidc import (
    annotation_boxes,
    annotation_mask,
    consensus_mask,
    consensus_slices,
    nodules_of,
)


def _nodule(make_scan, *annotations):
    (nodule,) = nodules_of(make_scan(slice_thickness_mm=9.0), annotations)
    return nodule


def test_masks_are_those_of_pylidc(all_scans, all_annotations):
    """299 masks of `pylidc.Annotation.boolean_mask`, by their digests."""
    with gzip.open(Path(__file__).with_name("pylidc_truth.json.gz"), "rt") as file:
        masks = json.load(file)["masks"]
    scans = {scan.scan_id: scan for scan in all_scans}
    by_id = {a.annotation_id: a for group in all_annotations.values() for a in group}
    with_holes = 0
    for annotation_id, row0, col0, slice0, (rows, columns, slices), voxels, digest in masks:
        annotation = by_id[annotation_id]
        mask, origin = annotation_mask(annotation)
        slice_z_mm = scans[annotation.scan_id].slice_z_mm
        whole = np.zeros((slices, rows, columns), bool)
        whole[[slice_z_mm.index(z_mm) - slice0 for z_mm in origin.z_mm]] = mask
        assert (origin.row0, origin.col0, whole.sum()) == (row0, col0, voxels)
        assert hashlib.sha256(np.packbits(whole).tobytes()).hexdigest()[:16] == digest
        with_holes += any(not contour.inclusion for contour in annotation.contours)
    assert len(masks) == 299
    assert with_holes > 5


def test_outline_points_are_outside_and_holes_are_cut(make_annotation):
    annotation = make_annotation(
        1, (0.0, 10, 20, 16, 26), (4.0, 12, 22, 14, 24), holes=[(0.0, 12, 22, 14, 24)]
    )
    mask, origin = annotation_mask(annotation)
    assert origin == ((0.0, 4.0), 20, 10)
    assert mask.shape == (2, 7, 7)
    # 5 x 5 voxels inside the square, less the 3 x 3 of the hole and its outline.
    expected = np.zeros((7, 7), bool)
    expected[1:6, 1:6] = True
    expected[2:5, 2:5] = False
    assert np.array_equal(mask[0], expected)
    assert np.argwhere(mask[1]).tolist() == [[3, 3]]


def test_consensus_by_hand(make_scan, make_annotation):
    # Interiors in columns 1..5, 3..7 and 5..9, all in rows 1..3.
    readers = [make_annotation(i, (0.0, x, 0, x + 6, 4)) for i, x in enumerate((0, 2, 4), 1)]
    nodule = _nodule(make_scan, *readers)
    columns = {
        level: np.flatnonzero(consensus_mask(nodule, level)[0][0, 1]).tolist()
        for level in (0.3, 0.5, 2 / 3, 1.0)
    }
    assert columns == {0.3: [*range(1, 10)], 0.5: [3, 4, 5, 6, 7], 2 / 3: [3, 4, 5, 6, 7], 1.0: [5]}


def test_slices_of_the_consensus(make_scan, make_annotation):
    first = make_annotation(1, (0.0, 10, 20, 16, 24), (2.0, 10, 20, 16, 24))
    second = make_annotation(2, (2.0, 12, 20, 18, 24), (4.0, 12, 20, 18, 24))
    third = make_annotation(3, (2.0, 12, 20, 18, 24))
    slices = consensus_slices(_nodule(make_scan, first, second, third))
    # At z = 2 two of three agree on columns 13..17; at 0 and 4 one of three is not enough.
    assert [(one.z_mm, one.center_yx) for one in slices] == [(2.0, (22.0, 15.0))]
    union = consensus_slices(_nodule(make_scan, first, second, third), level=0.3)
    assert [one.z_mm for one in union] == [0.0, 2.0, 4.0]
    assert union[0].center_yx == (22.0, 13.0)


def test_without_agreement_the_union_stands_in(make_scan, make_annotation):
    readers = [make_annotation(i, (2.0 * i, 10, 20, 16, 24)) for i in (1, 2, 3)]
    nodule = _nodule(make_scan, *readers)
    assert not consensus_mask(nodule)[0].any()
    slices = consensus_slices(nodule)
    assert [(one.z_mm, one.center_yx) for one in slices] == [(z, (22.0, 13.0)) for z in (2.0, 4.0, 6.0)]


def test_without_a_voxel_the_outline_stands_in(make_scan, make_annotation):
    nodule = _nodule(make_scan, make_annotation(1, (2.0, 10, 20, 11, 21)))
    assert not consensus_mask(nodule)[0].any()
    (only,) = consensus_slices(nodule)
    assert (only.z_mm, only.center_yx) == (2.0, (20.5, 10.5))


def test_every_nodule_has_a_slice_inside_its_box(all_scans, all_annotations):
    seen = 0
    for scan in all_scans[:40]:
        for nodule in nodules_of(scan, all_annotations[scan.scan_id]):
            slices = consensus_slices(nodule)
            z_mm = [one.z_mm for one in slices]
            assert z_mm == sorted(set(z_mm))
            (x0, x1), (y0, y1), (z0, z1) = nodule.box_xy_z
            for one in slices:
                row, column = one.center_yx
                assert y0 <= row <= y1
                assert x0 <= column <= x1
                assert z0 <= one.z_mm <= z1
            seen += bool(slices)
    assert seen == sum(len(nodules_of(scan, all_annotations[scan.scan_id])) for scan in all_scans[:40]) > 50


@pytest.mark.parametrize("level", [0.0, -1.0, 1.5])
def test_a_level_out_of_range_is_refused(make_scan, make_annotation, level):
    nodule = _nodule(make_scan, make_annotation(1, (0.0, 10, 20, 16, 24)))
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\]"):
        consensus_mask(nodule, level)


def test_boxes_of_contours(make_annotation):
    boxes = annotation_boxes(
        [
            make_annotation(1, (4.0, 10, 20, 16, 24), holes=[(4.0, 12, 21, 13, 22)]),
            make_annotation(2, (0.0, 1, 2, 3, 4)),
        ]
    )
    assert boxes.z_mm.tolist() == [4.0, 4.0, 0.0]
    assert (boxes.row0.tolist(), boxes.row1.tolist()) == ([20, 21, 2], [24, 22, 4])
    assert (boxes.col0.tolist(), boxes.col1.tolist()) == ([10, 12, 1], [16, 13, 3])
    assert all(len(column) == 0 for column in annotation_boxes([]))
