"""Research ids are kept, all others become keyed hashes."""

import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from lungnet.ct import find_series, hashed_id, held_ids, read_series, same_series
from lungnet.ct.identity import KEY_VARIABLE, key_file
from lungnet.errors import InputError

LIDC_UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.170706757615202213033480003264"
KEY = "0123456789abcdef"


@pytest.fixture
def known_key(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def no_key(monkeypatch, tmp_path) -> Path:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_hash_is_hmac_sha256_of_kind_and_id(known_key):
    digest = hmac.new(KEY.encode(), b"patient\x1fDOE-17", hashlib.sha256).hexdigest()
    assert hashed_id("patient", "DOE-17") == f"hmac-{digest[:32]}"


@pytest.mark.parametrize("patient", ["LIDC-IDRI-0003", "PHANTOM-0001"])
def test_research_patients_keep_all_three(patient, known_key):
    assert held_ids(patient, "2.25.1", "2.25.2") == (patient, "2.25.1", "2.25.2")


@pytest.mark.parametrize("patient", ["", "DOE^JOHN", "xLIDC-IDRI-0003", "LIDC-IDRI-0003x", "PHANTOM-1"])
def test_others_keep_nothing(patient, known_key):
    held = held_ids(patient, "1.2.3", "1.2.3.4")
    assert all(part.startswith("hmac-") for part in held)
    assert len(set(held)) == 3


def test_series_of_lidc_keep_their_uid_whoever_the_patient_is(known_key):
    patient, study, series = held_ids("renamed", "1.2.3", LIDC_UID)
    assert series == LIDC_UID
    assert patient.startswith("hmac-") and study.startswith("hmac-")


def test_patients_without_id_are_parted_by_study(known_key):
    assert held_ids("", "1.2", "1.2.3")[0] == held_ids("", "1.2", "1.2.4")[0]
    assert held_ids("", "1.2", "1.2.3")[0] != held_ids("", "1.3", "1.3.3")[0]


def test_a_hash_stands_for_itself_and_for_its_id(known_key):
    held = hashed_id("series", "1.2.3")
    assert hashed_id("series", held) == held
    assert same_series("1.2.3", held) and same_series(held, held)
    assert not same_series("1.2.4", held)
    assert same_series(LIDC_UID, LIDC_UID) and not same_series("1.2.3", LIDC_UID)


def test_other_keys_give_other_hashes(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    one = hashed_id("patient", "DOE")
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1])
    assert hashed_id("patient", "DOE") != one


def test_short_key_is_refused(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(InputError, match=r"at least 16 characters\. Received: 5"):
        hashed_id("patient", "DOE")


def test_key_file_is_made_once_for_its_owner_alone(no_key):
    one = hashed_id("patient", "DOE")
    assert key_file() == no_key / "lungnet" / "id.key"
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert len(key_file().read_text().strip()) == 64
    assert [path.name for path in key_file().parent.iterdir()] == ["id.key"]
    assert hashed_id("patient", "DOE") == one


def test_key_file_open_to_others_is_refused(no_key):
    key_file().parent.mkdir(parents=True)
    key_file().write_text(KEY)
    key_file().chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        hashed_id("patient", "DOE")


def test_key_that_cannot_be_kept_names_the_variable(no_key):
    no_key.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=f"set {KEY_VARIABLE} instead"):
        hashed_id("patient", "DOE")


def test_nothing_of_a_stranger_leaves_the_reader(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", patient_id="DOE-17", series_uid="1.2.3.4")
    (found,) = find_series(ct.folder)
    volume = read_series(ct.folder)
    assert found.patient_id == volume.patient_id == hashed_id("patient", "DOE-17")
    assert found.series_uid == volume.series_uid == hashed_id("series", "1.2.3.4")
    assert found.study_uid == hashed_id("study", "1.2.3.4.0")
    for text in (repr(found), repr(volume)):
        for private in ("DOE-17", "1.2.3.4", "Nobody"):
            assert private not in text
    assert read_series(ct.folder, "1.2.3.4").hu.tobytes() == volume.hu.tobytes()
    assert read_series(ct.folder, volume.series_uid).hu.tobytes() == volume.hu.tobytes()


def test_errors_do_not_name_the_patient(write_tiny_ct, tmp_path):
    for number in (1, 2):
        write_tiny_ct(tmp_path / str(number), patient_id=f"DOE-{number}", series_uid=f"1.2.3.{number}")
    with pytest.raises(InputError, match="2 series") as caught:
        read_series(tmp_path)
    assert "DOE" not in str(caught.value) and "1.2.3" not in str(caught.value)
    assert hashed_id("series", "1.2.3.1") in str(caught.value)
