from collections import Counter

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.lidc import PAPER_COHORT, SelectionRules, malignancy_label, select_cohort
from lungnet.lidc.selection import extent_xy_z, outlier_fences


def _scans(make_scan, make_annotation, *, sizes, readers=3, **fields):
    """One scan a nodule; nodule i is `sizes[i]` pixels wide and high and lies on one slice."""
    return [
        (
            make_scan(series_uid=f"1.2.{i}", patient_id=f"PHANTOM-{i:04d}", **fields),
            [
                make_annotation(reader, (0.0, 50, 50, 50 + size, 50 + size))
                for reader in range(1, readers + 1)
            ],
        )
        for i, size in enumerate(sizes)
    ]


def test_the_papers_funnel(papers_cohort):
    funnel = {stage.name: (stage.scans, stage.patients, stage.nodules) for stage in papers_cohort.funnel}
    assert funnel == {
        "all": (1018, 1010, 2651),
        "slice_thickness": (897, 896, 2291),
        "min_readers": (897, 896, 1192),
        "outliers": (897, 896, 1064),
        "no_nodule": (546, 546, 1064),
    }
    assert list(funnel) == ["all", "slice_thickness", "min_readers", "outliers", "no_nodule"]
    # Section 6: five patches of each of these nodules are nearly the paper's positives.
    assert 5 * len(papers_cohort.nodules) == pytest.approx(PAPER_COHORT["positives"], rel=0.02)


def test_the_funnel_of_malignancy():
    cohort = select_cohort(task="malignancy")
    funnel = {stage.name: (stage.scans, stage.nodules, stage.excluded) for stage in cohort.funnel}
    # Up to the outliers nothing differs: their fences are the paper's.
    assert funnel["outliers"] == (897, 1064, 128)
    assert funnel["rated"] == (897, 1064, 0)
    assert funnel["clear_rating"] == (897, 282, 782)
    assert list(funnel)[-1] == "no_nodule" and funnel["no_nodule"][1] == 282
    labels = Counter(malignancy_label(nodule.malignancy) for nodule in cohort.nodules)
    assert labels == {0: 187, 1: 95}
    assert all(cohort.nodules_in(scan.series_uid) for scan in cohort.scans)


def test_why_a_rating_will_not_do(make_scan, make_annotation):
    def rated(number, *ratings):
        marks = [
            make_annotation(10 * number + reader, (0.0, 50, 50, 60, 60), ratings=(rating,) * 9)
            for reader, rating in enumerate(ratings)
        ]
        return make_scan(series_uid=f"1.2.{number}", patient_id=f"PHANTOM-{number:04d}"), marks

    scans = [rated(1, 5, 4, 4), rated(2, 2, 2, 3), rated(3, 0, 0, 0), rated(4, 1, 2, 0)]
    cohort = select_cohort(scans=scans, task="malignancy")
    assert [scan.patient_id for scan in cohort.scans] == ["PHANTOM-0001", "PHANTOM-0004"]
    reasons = {
        exclusion.patient_id: exclusion.reason
        for exclusion in cohort.exclusions
        if exclusion.kind == "nodule"
    }
    assert reasons == {
        "PHANTOM-0002": "mean malignancy 2.33 lies between 2 and 4",
        "PHANTOM-0003": "no reader rated its malignancy",
    }
    assert len(select_cohort(scans=scans).nodules) == 4


def test_what_is_kept_obeys_the_rules(papers_cohort):
    assert papers_cohort.fences_xy_z == (35.0, 35.0, 19.0)
    extents = np.array([extent_xy_z(nodule) for nodule in papers_cohort.nodules])
    assert (extents <= papers_cohort.fences_xy_z).all()
    assert all(nodule.readers >= 3 for nodule in papers_cohort.nodules)
    assert all(scan.slice_thickness_mm <= 2.5 for scan in papers_cohort.scans)
    assert {nodule.scan.series_uid for nodule in papers_cohort.nodules} == {
        scan.series_uid for scan in papers_cohort.scans
    }


def test_every_exclusion_is_counted_once(papers_cohort):
    rules = Counter((exclusion.kind, exclusion.rule) for exclusion in papers_cohort.exclusions)
    assert rules == {
        ("scan", "slice_thickness"): 1018 - 897,
        ("nodule", "min_readers"): 2291 - 1192,
        ("nodule", "outliers"): 1192 - 1064,
        ("scan", "no_nodule"): 897 - 546,
    }
    assert [stage.excluded for stage in papers_cohort.funnel] == [0, 121, 1099, 128, 351]
    named = [(e.kind, e.series_uid, e.nodule_id) for e in papers_cohort.exclusions]
    assert len(named) == len(set(named))
    assert all(e.reason and e.patient_id.startswith("LIDC-IDRI-") for e in papers_cohort.exclusions)


def test_the_fence_by_hand(make_scan, make_annotation):
    # Quartiles of 4, 5, 6, 7, 20: 5 and 7, so that the fence is 7 + 1.5 * 2 = 10.
    cohort = select_cohort(
        scans=_scans(make_scan, make_annotation, sizes=(4, 5, 6, 7, 20), slice_thickness_mm=1.0)
    )
    assert cohort.fences_xy_z == (10.0, 10.0, 0.0)
    assert len(cohort.nodules) == len(cohort.scans) == 4
    (nodule, scan) = cohort.exclusions
    assert (nodule.kind, nodule.rule, nodule.series_uid, nodule.nodule_id) == (
        "nodule",
        "outliers",
        "1.2.4",
        1,
    )
    assert nodule.reason == "x extent 20 px is above 10, y extent 20 px is above 10"
    assert (scan.kind, scan.rule, scan.nodule_id) == ("scan", "no_nodule", -1)
    assert len(cohort.nodules_in("1.2.0")) == 1
    assert cohort.nodules_in("1.2.4") == ()
    assert cohort.patients == tuple(f"PHANTOM-{i:04d}" for i in range(4))


def test_fences_are_drawn_axis_by_axis():
    extents = np.array([[0, 10, 1], [4, 20, 1], [8, 30, 1], [12, 40, 1]], float)
    # Linear quartiles: 3 and 9; 17.5 and 32.5; 1 and 1.
    assert outlier_fences(extents, 1.5) == (18.0, 55.0, 1.0)
    assert outlier_fences(extents, 0.5) == (12.0, 40.0, 1.0)


def test_three_nodules_draw_no_fence(make_scan, make_annotation):
    cohort = select_cohort(scans=_scans(make_scan, make_annotation, sizes=(4, 5, 60)))
    assert cohort.fences_xy_z is None
    assert len(cohort.nodules) == 3


def test_zero_keeps_outliers(make_scan, make_annotation):
    scans = _scans(make_scan, make_annotation, sizes=(4, 5, 6, 7, 60))
    assert len(select_cohort(SelectionRules(outlier_iqr=0), scans).nodules) == 5


def test_outliers_are_judged_among_the_nodules_that_are_left(make_scan, make_annotation):
    kept = _scans(make_scan, make_annotation, sizes=(4, 5, 6, 7))
    # Large nodules of two readers would lift the fence, were they not gone before it is drawn.
    lone = [
        (
            make_scan(series_uid=f"9.{i}"),
            [make_annotation(reader, (0.0, 50, 50, 80, 80)) for reader in (1, 2)],
        )
        for i in range(4)
    ]
    cohort = select_cohort(scans=[*lone, *kept])
    assert cohort.fences_xy_z == pytest.approx((6.25 + 2.25, 8.5, 0.0))
    assert cohort.exclusions[0].reason == "marked by 2 of the readers, fewer than 3"


def test_a_thick_scan_goes_with_its_nodules(make_scan, make_annotation):
    scans = _scans(make_scan, make_annotation, sizes=(4,), slice_thickness_mm=3.0)
    cohort = select_cohort(scans=scans)
    (exclusion,) = cohort.exclusions
    assert exclusion.reason == "slices of 3 mm are thicker than 2.5 mm"
    assert [(stage.scans, stage.nodules) for stage in cohort.funnel] == [(1, 1)] + [(0, 0)] * 4
    assert len(select_cohort(SelectionRules(max_slice_thickness_mm=3.0), scans).nodules) == 1


def test_an_empty_cohort_says_what_each_rule_left(make_scan, make_annotation):
    scans = _scans(make_scan, make_annotation, sizes=(4, 5), readers=2)
    cohort = select_cohort(scans=scans)
    with pytest.raises(InputError, match=r"No nodule is left .*2 after slice_thickness, 0 after min_readers"):
        cohort.require_nodules()
    relaxed = select_cohort(SelectionRules(min_readers=2), scans)
    assert relaxed.require_nodules() is relaxed
    assert select_cohort(scans=[]).nodules == ()


def test_a_series_given_twice_is_refused(make_scan, make_annotation):
    with pytest.raises(InputError, match=r"Series 1\.2\.0 is given twice"):
        select_cohort(scans=_scans(make_scan, make_annotation, sizes=(4,)) * 2)
