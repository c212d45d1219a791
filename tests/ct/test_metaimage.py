"""MetaImage, as SimpleITK writes it and as it goes wrong."""

import numpy as np
import pytest
import SimpleITK as sitk

from lungnet.ct import CTReadError, find_series, hashed_id, read_series

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.100225287222365663678666836860"


@pytest.fixture
def image() -> sitk.Image:
    hu = np.random.default_rng(6).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((0.625, 0.75, 2.5))
    image.SetOrigin((-195.5, -180.25, -378.0))
    return image


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (0.8, 0, -0.6, 0.6, 0, 0.8, 0, -1, 0)])
def test_equal_to_simpleitk(tmp_path, image, compress, direction):
    image.SetDirection(direction)
    sitk.WriteImage(image, str(tmp_path / f"{UID}.mhd"), useCompression=compress)
    assert (tmp_path / f"{UID}.{'zraw' if compress else 'raw'}").exists()
    volume = read_series(tmp_path / f"{UID}.mhd")
    assert np.array_equal(volume.hu, sitk.GetArrayFromImage(image))
    assert volume.hu.flags.writeable
    assert volume.spacing_mm == image.GetSpacing()[::-1]
    assert volume.origin_xyz_lps_mm == image.GetOrigin()
    assert np.array_equal(volume.direction.ravel(), image.GetDirection())
    assert volume.series_uid == volume.patient_id == UID
    np.testing.assert_allclose(
        volume.index_to_world((3, 2, 5)), image.TransformIndexToPhysicalPoint((5, 2, 3)), atol=1e-9
    )


def test_slices_against_the_normal_are_turned_around(tmp_path, image):
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    sitk.WriteImage(image, str(tmp_path / "scan.mhd"))
    volume = read_series(tmp_path / "scan.mhd")
    assert np.array_equal(volume.hu, sitk.GetArrayFromImage(image)[::-1])
    assert np.array_equal(volume.direction, np.eye(3))
    assert volume.index_to_world((0, 0, 0)).tolist() == list(image.TransformIndexToPhysicalPoint((0, 0, 3)))


@pytest.mark.parametrize("pixel", [sitk.sitkInt32, sitk.sitkUInt16, sitk.sitkFloat32, sitk.sitkFloat64])
def test_other_types_are_rounded_and_saturated(tmp_path, pixel):
    values = np.array([0.5, 1.5, 2.5, 40000.0]).reshape(1, 2, 2)
    image = sitk.Cast(sitk.GetImageFromArray(values), pixel)
    sitk.WriteImage(image, str(tmp_path / "scan.mhd"))
    expected = [0, 2, 2, 32767] if pixel in (sitk.sitkFloat32, sitk.sitkFloat64) else [0, 1, 2, 32767]
    assert read_series(tmp_path).hu.ravel().tolist() == expected


def test_found_in_a_tree_like_luna16(tmp_path, image):
    for folder, name in (("subset0", UID), ("subset1", "clinic-7")):
        (tmp_path / folder).mkdir()
        sitk.WriteImage(image, str(tmp_path / folder / f"{name}.mhd"))
    (tmp_path / "seg-lungs-LUNA16").mkdir()
    mask = sitk.Cast(image > 0, sitk.sitkUInt8)
    sitk.WriteImage(mask, str(tmp_path / "seg-lungs-LUNA16" / f"{UID}.mhd"))
    found = find_series(tmp_path)
    hashed = hashed_id("series", "clinic-7")
    assert sorted((one.kind, one.patient_id, one.series_uid) for one in found) == [
        ("mhd", UID, UID),
        ("mhd", hashed, hashed),
    ]
    assert read_series(tmp_path, "clinic-7").series_uid == hashed
    assert read_series(found[0]).series_uid == found[0].series_uid
    with pytest.raises(CTReadError, match=r"clinic-7\.mhd is not series 1\.2\.3"):
        read_series(tmp_path / "subset1" / "clinic-7.mhd", series_uid="1.2.3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DimSize = 6 5 4", "DimSize = 6 5", r"DimSize must be 3 finite numbers. Received: '6 5'"),
        ("DimSize = 6 5 4", "DimSize = 6 5 9", r"scan\.raw holds 240 bytes; expected 540 as scan\.mhd says"),
        ("DimSize = 6 5 4", "DimSize = 6 5 0", "must be positive"),
        ("DimSize", "Size", r"scan\.mhd is not a MetaImage header: it has no DimSize"),
        ("MET_SHORT", "MET_UCHAR", "expected one CT value of 16 bits or more.*MET_UCHAR"),
        ("scan.raw", "gone.raw", r"gone\.raw \(named by scan\.mhd\) cannot be read: No such file"),
        ("scan.raw", "LIST", r"must name one \.raw or \.zraw file"),
        ("CompressedData = False", "CompressedData = True", r"scan\.raw is truncated or damaged"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 1 1 0", "three unit vectors at right angles"),
    ],
)
def test_bad_headers(tmp_path, image, old, new, message):
    sitk.WriteImage(image, str(tmp_path / "scan.mhd"))
    text = (tmp_path / "scan.mhd").read_text()
    assert old in text
    (tmp_path / "scan.mhd").write_text(text.replace(old, new))
    with pytest.raises(CTReadError, match=message):
        read_series(tmp_path / "scan.mhd")


@pytest.mark.parametrize("compress", [False, True])
def test_truncated_pixels(tmp_path, image, compress):
    sitk.WriteImage(image, str(tmp_path / "scan.mhd"), useCompression=compress)
    (data,) = tmp_path.glob("*raw")
    data.write_bytes(data.read_bytes()[:-9])
    with pytest.raises(CTReadError, match=rf"{data.name} (holds \d+ bytes|is truncated)"):
        read_series(tmp_path / "scan.mhd")


def test_broken_header_alone_is_told(tmp_path):
    (tmp_path / "scan.mhd").write_bytes(b"\x00\x01\x02")
    assert find_series(tmp_path) == []
    with pytest.raises(CTReadError, match=r"scan\.mhd is not a MetaImage header"):
        read_series(tmp_path)
