import gzip
import json
from pathlib import Path

import pytest

from lungnet.lidc import cluster, cluster_annotations


@pytest.fixture(scope="session")
def pylidc_truth():
    with gzip.open(Path(__file__).with_name("pylidc_truth.json.gz"), "rt") as file:
        return json.load(file)


def _ids(clusters):
    return [[annotation.annotation_id for annotation in members] for members in clusters]


def test_partition_and_order_are_those_of_pylidc_for_all_scans(pylidc_truth):
    clusters = cluster_annotations()
    truth = {int(scan_id): members for scan_id, members in pylidc_truth["clusters"].items()}
    assert len(truth) == 1018
    assert clusters == truth


def test_luna16_counts_1186_nodules_of_three_readers(lungnet_data, all_scans, all_annotations):
    wanted = set((lungnet_data / "luna16" / "seriesuids.csv").read_text().split())
    scans = [scan for scan in all_scans if scan.series_uid in wanted]
    assert len(wanted) == len(scans) == 888
    sizes = [len(members) for scan in scans for members in cluster(all_annotations[scan.scan_id], scan)]
    assert sum(size >= 3 for size in sizes) == 1186


def test_tolerance_is_the_thickness_in_voxels(make_scan, make_annotation):
    # Columns 14 and 17 are 3 voxels apart, or 1.5 mm: near at a thickness of 3 mm, not below.
    near = [make_annotation(1, (0.0, 10, 10, 14, 14)), make_annotation(2, (0.0, 17, 10, 20, 14))]
    assert _ids(cluster(near, make_scan(slice_thickness_mm=3.0))) == [[1, 2]]
    assert _ids(cluster(near, make_scan(slice_thickness_mm=2.9))) == [[1], [2]]


def test_slices_count_as_voxels_too(make_scan, make_annotation):
    # One slice apart is a distance of 1, though it is 2 mm.
    near = [make_annotation(1, (0.0, 10, 10, 14, 14)), make_annotation(2, (2.0, 10, 10, 14, 14))]
    assert _ids(cluster(near, make_scan(slice_thickness_mm=1.0))) == [[1, 2]]
    assert _ids(cluster(near, make_scan(slice_thickness_mm=0.99))) == [[1], [2]]


def test_distance_is_between_points_not_boxes(make_scan, make_annotation):
    # The inner square's points are 5 voxels from the corners of the outer one, whose box holds it.
    nested = [make_annotation(1, (0.0, 10, 10, 30, 30)), make_annotation(2, (0.0, 14, 13, 25, 25))]
    assert _ids(cluster(nested, make_scan(slice_thickness_mm=5.0))) == [[1, 2]]
    assert _ids(cluster(nested, make_scan(slice_thickness_mm=4.99))) == [[1], [2]]


def test_more_than_four_lower_the_tolerance(make_scan, make_annotation):
    # Two nodules of three readers each, 2 voxels apart: one cluster at 2.0, parted at 2.0 * 0.9.
    left = [make_annotation(i, (0.0, 10, 10, 14, 14)) for i in (1, 3, 5)]
    right = [make_annotation(i, (0.0, 16, 10, 20, 14)) for i in (2, 4, 6)]
    assert _ids(cluster([*right, *left], make_scan())) == [[1, 3, 5], [2, 4, 6]]


def test_five_of_one_place_stay_together(make_scan, make_annotation):
    same = [make_annotation(i, (0.0, 10, 10, 14, 14)) for i in range(1, 6)]
    assert _ids(cluster(same, make_scan())) == [[1, 2, 3, 4, 5]]


def test_order_of_input_does_not_matter(all_scans, all_annotations):
    scan = all_scans[13]
    annotations = all_annotations[scan.scan_id]
    assert len(annotations) > 8
    assert _ids(cluster(annotations[::-1], scan)) == _ids(cluster(annotations, scan))


def test_none_and_one(make_scan, make_annotation):
    assert cluster([], make_scan()) == []
    assert _ids(cluster([make_annotation(7, (0.0, 1, 1, 5, 5))], make_scan())) == [[7]]
