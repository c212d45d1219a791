import json

import pytest

from lungnet.errors import InputError
from lungnet.lidc import PAPER_COHORT, PAPER_FUNNEL, SelectionRules, select_cohort


def test_json_holds_it_all(papers_cohort):
    value = json.loads(json.dumps(papers_cohort.to_json(), allow_nan=False))
    assert value["rules"] == {"max_slice_thickness_mm": 2.5, "min_readers": 3, "outlier_iqr": 1.5}
    last = {"name": "no_nodule", "scans": 546, "patients": 546, "nodules": 1064, "excluded": 897 - 546}
    assert value["funnel"][-1] == last
    assert (len(value["scans"]), len(value["nodules"])) == (546, 1064)
    assert len(value["exclusions"]) == len(papers_cohort.exclusions)


def test_nodules_of_a_series_are_those_left_in_it(papers_cohort):
    for scan in papers_cohort.scans[:20]:
        nodules = papers_cohort.nodules_in(scan.series_uid)
        assert nodules
        assert all(nodule.scan is scan for nodule in nodules)
    assert sum(len(papers_cohort.nodules_in(scan.series_uid)) for scan in papers_cohort.scans) == 1064
    assert papers_cohort.nodules_in("1.2.3") == ()


def test_patients_stand_once_each(papers_cohort):
    patients = papers_cohort.patients
    assert list(patients) == sorted({scan.patient_id for scan in papers_cohort.scans})


def test_an_empty_cohort_will_not_train(make_scan, make_annotation):
    one = [(make_scan(), [make_annotation(1, (0.0, 50, 50, 60, 60))])]
    with pytest.raises(InputError, match=r"0 after min_readers.*Relax \[selection\]"):
        select_cohort(scans=one).require_nodules()
    cohort = select_cohort(SelectionRules(min_readers=1), one)
    assert cohort.require_nodules() is cohort


def test_the_papers_numbers_in_words():
    assert all(f"{number:,}" in PAPER_FUNNEL for number in PAPER_COHORT.values())
