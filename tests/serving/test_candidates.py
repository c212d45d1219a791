import logging

import numpy as np
import pytest

from lungnet.ct import Candidate, Volume, hashed_id, read_candidates, read_series
from lungnet.errors import InputError
from lungnet.serving import NoduleClassifier, predict_candidates

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"
OTHER = "1.3.6.1.4.1.14519.5.2.1.6279.6001.2"


@pytest.fixture
def volume() -> Volume:
    """Air, and on slice 2 a bright block of 40 x 40 about row 30, column 50."""
    hu = np.full((4, 80, 90), -1000, np.int16)
    hu[2, 10:50, 30:70] = 500
    return Volume(hu, (2.5, 0.5, 0.7), (-100.0, -50.0, 20.0), series_uid=UID)


@pytest.fixture
def classifier(classifier_file) -> NoduleClassifier:
    return NoduleClassifier(classifier_file)


def at(volume: Volume, zyx, uid: str = UID, label: int | None = None) -> Candidate:
    x, y, z = volume.index_to_world(zyx)
    return Candidate(uid, (float(x), float(y), float(z)), label=label)


def test_the_patch_is_the_one_at_the_candidate(volume, classifier):
    block, air = predict_candidates(volume, [at(volume, (2, 30, 50)), at(volume, (1, 30, 50))], classifier)

    # A mean of 500 HU is cluster 1: sigmoid(0.5 + 1). A mean of -1000 HU: sigmoid(-1).
    assert block.probability == pytest.approx(1 / (1 + np.exp(-1.5)), rel=1e-6)
    assert air.probability == pytest.approx(1 / (1 + np.exp(1.0)), rel=1e-6)


def test_one_pixel_beside_is_another_patch(volume, classifier):
    (beside,) = predict_candidates(volume, [at(volume, (2, 30, 51))], classifier)
    mean = 500 - 1500 / 40
    assert beside.probability == pytest.approx(1 / (1 + np.exp(-(mean / 1000 + 1))), rel=1e-6)


def test_candidates_keep_their_order_and_what_is_known_of_them(volume, classifier):
    given = [at(volume, (2, 30, 50), label=1), at(volume, (0, 0, 0), label=0), at(volume, (3, 79, 89))]
    found = predict_candidates(volume, given, classifier)
    assert [(c.center_xyz_lps_mm, c.label) for c in found] == [(c.center_xyz_lps_mm, c.label) for c in given]
    assert all(type(c.probability) is float for c in found)


def test_other_series_are_left_out_and_counted(volume, classifier, caplog):
    given = [at(volume, (2, 30, 50), OTHER), at(volume, (2, 30, 50)), at(volume, (9, 9, 9), OTHER)]
    with caplog.at_level(logging.INFO):
        found = predict_candidates(volume, given, classifier)
    assert [c.series_uid for c in found] == [UID]
    assert "2 candidates of 1 other series are left out" in caplog.text


def test_candidates_of_other_series_only_are_refused(volume, classifier):
    with pytest.raises(InputError, match=rf"None of the 1 candidates is of series {UID}: .* 1 other series"):
        predict_candidates(volume, [at(volume, (2, 30, 50), OTHER)], classifier)


@pytest.mark.parametrize("zyx", [(-0.6, 30, 50), (3.6, 30, 50), (2, 80, 50), (2, 30, -3)])
def test_a_candidate_outside_the_volume_is_refused(volume, classifier, zyx):
    with pytest.raises(InputError, match=r"1 of 2 candidates lie outside series .* the first is number 2 at"):
        predict_candidates(volume, [at(volume, (2, 30, 50)), at(volume, zyx)], classifier)


def test_no_candidates_give_none(volume, classifier):
    assert predict_candidates(volume, [], classifier) == []


def test_series_under_a_hash_is_found_by_its_uid(volume, classifier, monkeypatch):
    """Series that are not of an archive are held as keyed hashes; candidates name the UID in the files."""
    monkeypatch.setenv("LUNGNET_ID_KEY", "a key of the tests alone")
    held = Volume(
        volume.hu, volume.spacing_mm, volume.origin_xyz_lps_mm, series_uid=hashed_id("series", "1.2.3")
    )
    (found,) = predict_candidates(held, [at(volume, (2, 30, 50), "1.2.3")], classifier)
    assert found.series_uid == "1.2.3"


def test_luna16_file_of_all_series_on_one_real_series(classifier, lungnet_data):
    ct = read_series(lungnet_data / "lidc" / "LIDC-IDRI-0003")
    nodules = read_candidates(lungnet_data / "luna16" / "annotations.csv")

    found = predict_candidates(ct, nodules, classifier)

    assert len(nodules) == 1186
    assert len(found) == 3
    assert {nodule.series_uid for nodule in found} == {ct.series_uid}
    # The hand-made classifier says sigmoid(mean / 1000) below 0 HU: nodules stand in lung and soft tissue.
    mean_hu = [1000 * np.log(n.probability / (1 - n.probability)) for n in found if n.probability]
    assert len(mean_hu) == 3
    assert -900 < min(mean_hu) <= max(mean_hu) < 0
