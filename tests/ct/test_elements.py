"""The walk over elements gives what pydicom gives, on every form of file."""

import struct
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lungnet.ct import CTReadError, elements
from lungnet.ct import deflated as deflated_module
from lungnet.ct.elements import read_header


def nest(index: int, dataset: Dataset) -> None:
    """Adds sequences within sequences, of defined and of undefined length, before geometry."""
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.ImagePositionPatient = [9.0, 9.0, 9.0]  # must not be taken for the slice's own
    middle = Dataset()
    middle.ReferencedImageSequence = Sequence([inner, inner])
    middle["ReferencedImageSequence"].is_undefined_length = True
    middle.is_undefined_length_sequence_item = index % 2 == 0
    dataset.ReferencedStudySequence = Sequence([middle])
    dataset["ReferencedStudySequence"].is_undefined_length = index % 3 != 0
    dataset.ReferencedInstanceSequence = Sequence([])
    dataset.add_new((0x0009, 0x0010), "LO", "TINY PRIVATE")
    dataset.add_new((0x0009, 0x1001), "UN", b"\x00\x01" * 7000)  # beyond the first window


def same_as_pydicom(path: Path) -> None:
    header = read_header(path)
    assert header is not None
    dataset = pydicom.dcmread(path)
    assert header.text(elements.SERIES_UID) == dataset.SeriesInstanceUID
    assert [float(x) for x in header.text(elements.POSITION).split("\\")] == dataset.ImagePositionPatient
    assert header.integer(elements.ROWS, 0) == dataset.Rows
    assert header.integer(elements.PIXEL_REPRESENTATION, 9) == dataset.PixelRepresentation
    assert float(header.text(elements.RESCALE_SLOPE)) == dataset.RescaleSlope
    assert set(header.values) == {tag for tag in elements.WANTED if tag in dataset}
    data = path.read_bytes()[header.pixel_offset : header.pixel_offset + header.pixel_bytes]
    assert data == dataset.PixelData


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("edit", [lambda index, dataset: None, nest], ids=["flat", "nested"])
def test_plain_files_are_walked(write_tiny_ct, tmp_path, monkeypatch, syntax, edit):
    ct = write_tiny_ct(tmp_path / "ct", edit=edit, transfer_syntax=syntax)
    monkeypatch.setattr(elements, "_read_with_pydicom", None)  # calling it would fail
    for path in ct.files:
        same_as_pydicom(path)


def test_real_headers_are_walked(lungnet_data, monkeypatch):
    monkeypatch.setattr(elements, "_read_with_pydicom", None)
    for path in sorted((lungnet_data / "lidc").rglob("*.dcm"))[::40]:
        same_as_pydicom(path)


def test_sequence_of_unknown_representation_is_left_to_pydicom(tiny_ct):
    path = tiny_ct.files[0]
    data = path.read_bytes()
    place = data.index(struct.pack("<HH2s", 0x0018, 0x0050, b"DS"))
    inner = struct.pack("<HHI4s", 0x0020, 0x0032, 4, b"9999")  # implicit, whatever the file's form
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    sequence = struct.pack("<HH2sHI", 0x0013, 0x1050, b"UN", 0, 0xFFFFFFFF) + item
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path.write_bytes(data[:place] + sequence + end + data[place:])
    header = read_header(path)
    assert header is not None
    assert header.pixel_offset == -1
    assert header.text(elements.SERIES_UID) == tiny_ct.volume.series_uid
    assert header.text(elements.POSITION) != "9999"


def test_other_files_are_none_of_ours(tmp_path):
    for name, content in (("notes.txt", b"text"), ("pixels.raw", b"\x08\0" * 500), ("empty.xml", b"")):
        (tmp_path / name).write_bytes(content)
        assert read_header(tmp_path / name) is None


@pytest.mark.parametrize("content", [b"", b"patient,finding\n", b"x" * 500])
def test_text_named_dcm(tmp_path, content):
    (tmp_path / "notes.DCM").write_bytes(content)
    with pytest.raises(CTReadError, match=r"notes\.DCM is named \.dcm but is not a DICOM file"):
        read_header(tmp_path / "notes.DCM")


@pytest.mark.parametrize("length", [140, 200, 400, 700])
def test_header_cut_off(tiny_ct, length):
    path = tiny_ct.files[0]
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CTReadError, match=f"{path.name} is (cut off|not a readable)"):
        read_header(path)


def test_missing_file(tmp_path):
    with pytest.raises(CTReadError, match=r"gone\.dcm cannot be read: No such file"):
        read_header(tmp_path / "gone.dcm")


def test_sequences_that_nest_without_end(tiny_ct):
    path = tiny_ct.files[0]
    data = path.read_bytes()
    place = data.index(struct.pack("<HH2s", 0x0018, 0x0050, b"DS"))
    level = struct.pack("<HH2sHI", 0x0013, 0x1050, b"SQ", 0, 0xFFFFFFFF)
    level += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    before = read_header(path)
    path.write_bytes(data[:place] + level * 20_000 + end * 20_000 + data[place:])
    header = read_header(path)
    assert header is not None and before is not None and header.values == before.values
    path.write_bytes(data[:place] + level * 20_000 + end * 19_999)
    with pytest.raises(CTReadError, match="is cut off within its header"):
        read_header(path)


def test_headers_without_end(tiny_ct, monkeypatch):
    path = tiny_ct.files[0]
    meta = path.read_bytes()[: _meta_end(path)].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    path.write_bytes(meta + bytes(100_000))
    assert read_header(path) is not None  # element after element of no length
    monkeypatch.setattr(elements, "LONGEST_HEADER", 50_000)
    with pytest.raises(CTReadError, match=r"has no pixels within its first 50,000 bytes"):
        read_header(path)
    assert read_header(tiny_ct.files[1]) is not None


def test_pydicom_is_given_no_more_than_a_header(tiny_ct, monkeypatch):
    given = []
    read = pydicom.dcmread

    def reading(file, **more):
        given.append(file)
        return read(file, **more)

    monkeypatch.setattr(pydicom, "dcmread", reading)
    path = tiny_ct.files[0].with_suffix("")
    path.write_bytes(tiny_ct.files[0].read_bytes()[132:])  # no preamble, no prefix
    whole = read_header(path)
    monkeypatch.setattr(elements, "LONGEST_HEADER", path.stat().st_size - 1000)
    assert read_header(path) == whole
    assert [len(one.getvalue()) for one in given] == [path.stat().st_size, path.stat().st_size - 1000]


@pytest.fixture
def deflated(tiny_ct) -> Path:
    path = tiny_ct.files[0]
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    return path


def test_deflated_files_inflate_within_bounds(deflated, monkeypatch):
    header = read_header(deflated)
    assert header is not None and header.transfer_syntax == DeflatedExplicitVRLittleEndian
    size = len(zlib.decompress(deflated.read_bytes()[_meta_end(deflated) :], -15))
    monkeypatch.setattr(deflated_module, "MAX_INFLATED_BYTES", size)
    assert read_header(deflated) is not None
    monkeypatch.setattr(deflated_module, "MAX_INFLATED_BYTES", size - 1)
    monkeypatch.setattr(pydicom, "dcmread", None)  # calling it would fail
    with pytest.raises(CTReadError, match=f"{deflated.name} inflates to more than .* bytes"):
        read_header(deflated)
    # The same without preamble and prefix, which pydicom reads as well.
    bare = deflated.with_suffix("")
    bare.write_bytes(deflated.read_bytes()[132:])
    with pytest.raises(CTReadError, match="inflates to more than"):
        read_header(bare)


def test_deflated_files_that_are_damaged(deflated):
    whole, end = deflated.read_bytes(), _meta_end(deflated)
    deflated.write_bytes(whole[:end] + b"\xff" * 100)
    with pytest.raises(CTReadError, match="what it holds deflated cannot be inflated"):
        read_header(deflated)
    deflated.write_bytes(whole[:-200])
    with pytest.raises(CTReadError, match="is not a readable DICOM file"):
        read_header(deflated)
    # Where the walk and pydicom could see different things, neither is believed.
    deflated.write_bytes(whole[:132] + whole[132:end].replace(b"UI", b"ZZ", 1) + whole[end:])
    with pytest.raises(CTReadError, match="its transfer syntax is in doubt"):
        read_header(deflated)


def _meta_end(path: Path) -> int:
    """Where the file meta information ends: its first element says how long the rest is."""
    return 144 + int.from_bytes(path.read_bytes()[140:144], "little")
