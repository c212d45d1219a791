import uuid
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.hashing import canonical_json, file_sha256, fingerprint, stable_fraction, stable_id, stable_uid


def test_ids_are_those_of_every_machine():
    # sha256("a\x1f1"), first eight bytes, halved: from `printf 'a\x1f1' | sha256sum`.
    assert stable_id("a", 1) == int("839e11a421d370be", 16) >> 1
    assert stable_id("a", 1) != stable_id("a1")
    assert 0 <= stable_fraction("a", 1) < 1


def test_order_of_keys_does_not_matter():
    assert canonical_json({"b": 1, "a": 2}) == '{"a":2,"b":1}'
    assert fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == expected
    with pytest.raises(InputError, match=r"Cannot read .*gone: No such file"):
        file_sha256(tmp_path / "gone")


def test_uids_are_those_of_every_machine():
    # UUID version 5 of "python.org" under the DNS namespace, as RFC 4122's tools and Python's manual have it.
    expected = int("886313e13b8a53729b900c9aee199e5d", 16)
    assert stable_uid(uuid.NAMESPACE_DNS, "python.org") == f"2.25.{expected}"
    assert stable_uid(uuid.NAMESPACE_DNS, "a", 1) == stable_uid(uuid.NAMESPACE_DNS, "a/1")
    assert stable_uid(uuid.NAMESPACE_DNS, "a") != stable_uid(uuid.NAMESPACE_URL, "a")
