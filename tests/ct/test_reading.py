"""One series as a volume, or one sentence that says why not."""

import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from lungnet.ct import CTReadError, Volume, find_series, read_series, read_stack


def assert_same(volume: Volume, truth: Volume) -> None:
    assert np.array_equal(volume.hu, truth.hu)
    np.testing.assert_allclose(volume.spacing_mm, truth.spacing_mm, rtol=1e-12)
    np.testing.assert_allclose(volume.origin_xyz_lps_mm, truth.origin_xyz_lps_mm, rtol=1e-12)
    np.testing.assert_allclose(volume.direction, truth.direction, atol=1e-12)
    assert (volume.series_uid, volume.patient_id) == (truth.series_uid, truth.patient_id)
    assert (volume.slice_thickness_mm, volume.manufacturer) == (truth.slice_thickness_mm, truth.manufacturer)


def only(index: int, **attributes):
    """An edit that sets attributes of one slice."""

    def edit(at, dataset):
        if at == index:
            for name, value in attributes.items():
                setattr(dataset, name, value)

    return edit


def test_shuffled_names_signed_pixels_slope_and_a_copy(tiny_ct):
    assert_same(read_series(tiny_ct.folder), tiny_ct.volume)


def test_every_way_to_name_a_series(tiny_ct):
    (found,) = find_series(tiny_ct.folder)
    uid = tiny_ct.volume.series_uid
    for path in (str(tiny_ct.folder), tiny_ct.folder.parent, tiny_ct.files[3], found):
        assert_same(read_series(path), tiny_ct.volume)
        assert_same(read_series(path, uid), tiny_ct.volume)
        with pytest.raises(CTReadError, match=rf"series 1\.2\.3; it (holds|is of) {uid}"):
            read_series(path, series_uid="1.2.3")


@pytest.mark.parametrize(
    "orientation",
    [(-1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1), (0.8, 0.6, 0, 0, 0, -1)],
    ids=["upside down", "coronal", "sagittal", "oblique"],
)
def test_slices_are_sorted_along_row_cross_column(write_tiny_ct, tmp_path, orientation):
    ct = write_tiny_ct(tmp_path / "ct", orientation=orientation)
    assert_same(read_series(ct.folder), ct.volume)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_little_endian_forms(write_tiny_ct, tmp_path, syntax):
    ct = write_tiny_ct(tmp_path / "ct", transfer_syntax=syntax)
    assert_same(read_series(ct.folder), ct.volume)


def test_big_endian(write_tiny_ct, tmp_path):
    def swap(index, dataset):
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
        dataset["PixelData"].VR = "OW"

    ct = write_tiny_ct(tmp_path / "ct", edit=swap, transfer_syntax=ExplicitVRBigEndian)
    assert_same(read_series(ct.folder), ct.volume)


def test_run_length_encoding(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", edit=lambda index, dataset: dataset.compress(RLELossless))
    assert pydicom.dcmread(ct.files[0]).file_meta.TransferSyntaxUID == RLELossless
    assert_same(read_series(ct.folder), ct.volume)


def test_without_preamble(tiny_ct):
    for path in tiny_ct.files:
        path.write_bytes(path.read_bytes()[132:])
    assert_same(read_series(tiny_ct.folder), tiny_ct.volume)


def test_unsigned_pixels_of_twelve_bits_below_an_overlay(write_tiny_ct, tmp_path):
    stored = np.random.default_rng(7).integers(0, 4096, (3, 20, 24)).astype(np.int16)

    def overlay(index, dataset):
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.PixelData = (stored[index].astype("<u2") | 0xA000).tobytes()

    ct = write_tiny_ct(tmp_path / "ct", stored=stored, edit=overlay)
    assert_same(read_series(ct.folder), ct.volume)


def test_signed_pixels_of_twelve_bits_are_extended(write_tiny_ct, tmp_path):
    stored = np.random.default_rng(7).integers(-2048, 2048, (3, 20, 24)).astype(np.int16)

    def cut(index, dataset):
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.PixelData = (stored[index].astype("<u2") & 0x0FFF).tobytes()

    ct = write_tiny_ct(tmp_path / "ct", stored=stored, edit=cut)
    assert_same(read_series(ct.folder), ct.volume)


def test_padding_written_unsigned_is_rescaled_like_any_value(write_tiny_ct, tmp_path):
    stored = np.full((3, 20, 24), 40, np.int16)
    stored[:, :5] = -2000

    def pad(index, dataset):
        dataset.add_new("PixelPaddingValue", "US", 63536)  # -2000 read as unsigned

    ct = write_tiny_ct(tmp_path / "ct", stored=stored, edit=pad, slope=1, intercept=-1024)
    volume = read_series(ct.folder)
    assert_same(volume, ct.volume)
    assert volume.hu[0, 0, 0] == -3024 and volume.hu[0, 9, 0] == -984


def test_single_slice_is_as_thick_as_it_says(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", slices=1, copy=None)
    volume = read_series(ct.folder)
    assert volume.hu.shape == (1, 48, 56)
    assert volume.spacing_mm == (3.0, 0.75, 0.625)


def test_localiser_among_the_slices_is_dropped(write_tiny_ct, tmp_path):
    scout = only(
        6,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        Rows=20,
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )
    ct = write_tiny_ct(tmp_path / "ct", edit=scout)
    assert np.array_equal(read_series(ct.folder).hu, ct.volume.hu[:6])


def test_whole_series_copied_beside_itself(tiny_ct):
    shutil.copytree(tiny_ct.folder, tiny_ct.folder / "copy")
    assert_same(read_series(tiny_ct.folder), tiny_ct.volume)


def refuse(folder: Path, message: str) -> None:
    with pytest.raises(CTReadError, match=message) as caught:
        read_series(folder)
    assert "\n" not in str(caught.value)
    assert "Nobody" not in str(caught.value)


def test_empty_folder(tmp_path):
    refuse(tmp_path, rf"{tmp_path} holds no CT series; expected DICOM or \.mhd files\.$")


def test_no_such_folder(tmp_path):
    refuse(tmp_path / "gone", "gone cannot be read: No such file")


def test_file_of_another_kind(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    refuse(tmp_path / "notes.txt", r"notes\.txt is not a CT: expected a folder, a DICOM file or a \.mhd file")


def test_two_series(write_tiny_ct, tmp_path):
    one = write_tiny_ct(tmp_path / "1", series_uid="2.25.1")
    two = write_tiny_ct(tmp_path / "2", series_uid="2.25.2", slope=1.0)
    refuse(tmp_path, r"holds 2 series; choose one with series_uid: 2\.25\.1 \(8 files.*2\.25\.2 \(8 files")
    assert_same(read_series(tmp_path, "2.25.1"), one.volume)
    assert_same(read_series(tmp_path, series_uid="2.25.2"), two.volume)


def test_two_series_mixed_in_one_folder(write_tiny_ct, tmp_path):
    one = write_tiny_ct(tmp_path, series_uid="2.25.1")
    two = write_tiny_ct(tmp_path / "new", series_uid="2.25.2")
    for path in two.files:
        path.rename(tmp_path / f"second{path.name}")
    (tmp_path / "new").rmdir()
    refuse(tmp_path, "holds 2 series; choose one")
    assert_same(read_series(one.files[0]), one.volume)


def test_text_named_dcm_alone(tmp_path):
    (tmp_path / "scan.dcm").write_text("patient,finding\n")
    assert find_series(tmp_path) == []
    refuse(tmp_path, r"scan\.dcm is named \.dcm but is not a DICOM file: it has no DICM prefix\.")


def test_text_named_dcm_in_another_folder(tiny_ct):
    other = tiny_ct.folder.parent / "other"
    other.mkdir()
    (other / "scan.dcm").write_text("patient,finding\n")
    refuse(other.parent, r"scan\.dcm is named \.dcm but is not")
    assert_same(read_series(other.parent, tiny_ct.volume.series_uid), tiny_ct.volume)


@pytest.mark.parametrize("skip", [(2,), (3, 4)])
def test_missing_slices(write_tiny_ct, tmp_path, skip):
    ct = write_tiny_ct(tmp_path / "ct", skip=skip, copy=None)
    before, after = -70 + 2.5 * (skip[0] - 1), -70 + 2.5 * (skip[-1] + 1)
    message = rf"ct: {len(skip)} slice\(s\) are missing between {before:.2f} mm .* and {after:.2f} mm"
    refuse(ct.folder, message + r" .*2\.5 mm apart")


def test_uneven_slices(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", edit=only(3, ImagePositionPatient=[-120.5, 33.25, -61.6]), copy=None)
    refuse(ct.folder, rf"{ct.files[3].name} lies at -61\.60 mm.*would have one at -62\.50 mm")


def test_rounded_positions_are_even_enough(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", edit=only(3, ImagePositionPatient=[-120.5, 33.25, -62.4]))
    assert np.array_equal(read_series(ct.folder).hu, ct.volume.hu)


def test_other_pixels_at_the_same_position(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct")
    copied, copy = ct.files[2], ct.files[-1]
    dataset = pydicom.dcmread(copy)
    dataset.PixelData = dataset.PixelData[:-2] + b"\x01\x01"
    dataset.save_as(copy)
    first, second = sorted((copied, copy))
    refuse(ct.folder, f"{second.name} and {first.name} lie at the same position .* but differ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Rows": 24}, r"has 24 x 56 pixels; expected 48 x 56 like"),
        ({"ImageOrientationPatient": [0, 1, 0, -1, 0, 0]}, "has orientation"),
        (
            {"PixelSpacing": [0.75, 0.75]},
            r"has pixel spacing \(0\.75, 0\.75\) mm; expected \(0\.75, 0\.625\)",
        ),
    ],
)
def test_slices_that_differ(write_tiny_ct, tmp_path, change, message):
    refuse(write_tiny_ct(tmp_path / "ct", edit=only(4, **change), copy=None).folder, message)


def test_tilted_gantry(write_tiny_ct, tmp_path):
    def tilt(index, dataset):
        dataset.ImagePositionPatient = [-120.5, 33.25 + 0.4 * index, -70 + 2.5 * index]

    refuse(write_tiny_ct(tmp_path / "ct", edit=tilt).folder, "aslant to the slice normal .*tilted gantry")


def test_skewed_orientation(write_tiny_ct, tmp_path):
    def skew(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0.5, 1, 0]

    refuse(write_tiny_ct(tmp_path / "ct", edit=skew).folder, "must be two unit vectors at right angles")


@pytest.mark.parametrize("left", [-1, -3000, 1200])
def test_truncated_file(tiny_ct, left):
    path = tiny_ct.files[4]
    path.write_bytes(path.read_bytes()[:left])
    refuse(tiny_ct.folder, rf"{path.name} is truncated: it ends \d+ bytes before its last pixel")


def test_truncated_compressed_file(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", edit=lambda index, dataset: dataset.compress(RLELossless))
    ct.files[4].write_bytes(ct.files[4].read_bytes()[:-2500])
    refuse(ct.folder, rf"{ct.files[4].name} is truncated or damaged: its pixels \(RLE Lossless\)")


def test_too_few_pixels(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", edit=only(1, PixelData=b"\0" * 100))
    refuse(ct.folder, rf"{ct.files[1].name} holds 100 bytes of pixels; expected 5376 for 48 x 56")


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("RescaleSlope", "(0028,1053) Rescale Slope"),
        ("RescaleIntercept", "(0028,1052) Rescale Intercept"),
        ("ImagePositionPatient", "(0020,0032) Image Position (Patient)"),
        ("ImageOrientationPatient", "(0020,0037) Image Orientation (Patient)"),
        ("PixelSpacing", "(0028,0030) Pixel Spacing"),
        ("Rows", "(0028,0010) Rows"),
    ],
)
def test_missing_elements_are_named(write_tiny_ct, tmp_path, keyword, name):
    def forget(index, dataset):
        if index == 5:
            delattr(dataset, keyword)

    ct = write_tiny_ct(tmp_path / "ct", edit=forget)
    refuse(ct.folder, f"{ct.files[5].name} has no {re.escape(name)}")


def test_elements_that_are_no_numbers(tiny_ct):
    path = tiny_ct.files[0]
    path.write_bytes(path.read_bytes().replace(b"-120.5", b"-12o.5"))
    refuse(tiny_ct.folder, rf"{path.name}: \(0020,0032\) Image Position \(Patient\) must be numbers")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"NumberOfFrames": 3}, "holds '3' frames; expected one slice a file"),
        ({"SamplesPerPixel": 3}, r"is a colour image \(3 samples a pixel\)"),
        ({"PixelSpacing": [0.0, 0.7]}, "Pixel Spacing must be positive"),
        ({"BitsStored": 17}, r"expected Bits Stored <= High Bit \+ 1 <= Bits Allocated"),
    ],
)
def test_images_of_other_kinds(write_tiny_ct, tmp_path, change, message):
    refuse(write_tiny_ct(tmp_path / "ct", edit=only(0, **change)).folder, message)


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (JPEG2000Lossless, "pylibjpeg pylibjpeg-openjpeg"),
        (JPEGLSLossless, "pyjpegls"),
        (UID("1.2.840.10008.1.2.4.70"), "python-gdcm"),
    ],
)
def test_missing_decoder_says_what_to_install(write_tiny_ct, tmp_path, monkeypatch, syntax, package):
    def compress(index, dataset):
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51"])
        dataset["PixelData"].is_undefined_length = True

    ct = write_tiny_ct(tmp_path / "ct", edit=compress, transfer_syntax=syntax)
    monkeypatch.setattr(type(get_decoder(syntax)), "is_available", False)
    refuse(ct.folder, rf"is compressed \(JPEG.*\) and no decoder is installed: pip install {package}$")


def test_unknown_compression(write_tiny_ct, tmp_path):
    def compress(index, dataset):
        dataset.PixelData = encapsulate([b"\0\0\0\0"])
        dataset["PixelData"].is_undefined_length = True

    ct = write_tiny_ct(tmp_path / "ct", edit=compress, transfer_syntax="1.2.840.10008.1.2.4.100")
    refuse(ct.folder, r"is compressed in an unknown way \(1\.2\.840\.10008\.1\.2\.4\.100\)")


def test_a_stack_is_the_volume_without_its_pixels(tiny_ct):
    (series,) = find_series(tiny_ct.folder)
    for given in (tiny_ct.folder, tiny_ct.files[0], series):
        stack = read_stack(given)
        assert [one.path for one in stack.slices] == tiny_ct.files[:-1]
        assert [(index, one.path) for index, one in stack.copies] == [(2, tiny_ct.files[-1])]
        places = np.random.default_rng(0).uniform(-9, 99, (5, 3))
        there = tiny_ct.volume.index_to_world(places)
        np.testing.assert_allclose(stack.index_to_world(places), there, atol=1e-9)
        np.testing.assert_allclose(stack.world_to_index(there), places, atol=1e-9)


def test_a_stack_is_refused_as_a_series_is(write_tiny_ct, tmp_path):
    gap = write_tiny_ct(tmp_path / "gap", skip=(3,)).folder
    with pytest.raises(CTReadError, match="missing between"):
        read_stack(gap)
    with pytest.raises(CTReadError, match=r"holds no series 1\.2\.3"):
        read_stack(gap, "1.2.3")
    header = "NDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = a.raw\n"
    (tmp_path / "mhd").mkdir()
    (tmp_path / "mhd" / "1.2.3.mhd").write_text(header)
    with pytest.raises(CTReadError, match="is MetaImage; expected a DICOM series"):
        read_stack(tmp_path / "mhd")
