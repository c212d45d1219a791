import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from lungnet.ct import Volume, write_nifti
from lungnet.errors import InputError

TILTED = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
if np.linalg.det(TILTED) < 0:
    TILTED[:, 2] *= -1

DIRECTIONS = {
    "axial": np.eye(3),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "feet first": np.diag([-1.0, 1, -1]),
    "tilted": TILTED,
}


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_simpleitk_reads_the_same_values_at_the_same_places(tmp_path, direction, name):
    """Against ITK's own frame, which is LPS: every voxel lies where `Volume` says."""
    values = np.random.default_rng(1).random((3, 4, 5)).astype(np.float32)
    volume = Volume(
        np.zeros((3, 4, 5), np.int16), (2.5, 5.6, 4.8), (-120.5, 33.25, -70.0), DIRECTIONS[direction]
    )
    path = tmp_path / name
    write_nifti(path, values, volume.spacing_mm, volume.origin_xyz_lps_mm, volume.direction, "a map")

    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), values)
    np.testing.assert_allclose(image.GetSpacing(), (4.8, 5.6, 2.5), rtol=1e-6)
    for zyx in np.ndindex(3, 4, 5):
        there = image.TransformIndexToPhysicalPoint([int(i) for i in zyx[::-1]])
        np.testing.assert_allclose(there, volume.index_to_world(zyx), atol=1e-4)


def test_the_frame_is_ras_in_the_file(tmp_path):
    """By hand, from the bytes of nifti1.h: srow_x at 280, magic at 344, data at 352."""
    write_nifti(
        tmp_path / "m.nii", np.array([[[7.5]]], np.float32), (2.0, 3.0, 4.0), (10.0, 20.0, 30.0), np.eye(3)
    )
    content = (tmp_path / "m.nii").read_bytes()
    assert len(content) == 356
    np.testing.assert_array_equal(
        np.frombuffer(content, "<f4", 12, 280).reshape(3, 4),
        [[-4, 0, 0, -10], [0, -3, 0, -20], [0, 0, 2, 30]],
    )
    assert content[344:348] == b"n+1\0"
    assert np.frombuffer(content, "<i2", 8, 40).tolist() == [3, 1, 1, 1, 1, 1, 1, 1]
    assert np.frombuffer(content, "<i2", 2, 70).tolist() == [16, 32]  # float32
    assert np.frombuffer(content, "<i2", 2, 252).tolist() == [0, 1]  # no qform; sform in scanner coordinates
    assert content[123] == 2  # millimetres
    assert np.frombuffer(content, "<f4", 1, 108)[0] == 352
    assert np.frombuffer(content, "<f4", 1, 352)[0] == 7.5


def test_the_same_map_gives_the_same_file(tmp_path):
    values = np.zeros((2, 2, 2), np.float32)
    contents = set()
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, values, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
        contents.add((tmp_path / name).read_bytes())
    (content,) = contents
    assert len(gzip.decompress(content)) == 352 + 32


def test_other_names_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"map\.img: expected a name that ends in \.nii or \.nii\.gz"):
        write_nifti(tmp_path / "map.img", np.zeros((1, 1, 1), np.float32), (1, 1, 1), (0, 0, 0), np.eye(3))


@pytest.mark.parametrize("shape", [(2, 2), (1, 1, 32768)])
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(ValueError, match="at most 32767 each"):
        write_nifti(tmp_path / "m.nii", np.zeros(shape, np.float32), (1, 1, 1), (0, 0, 0), np.eye(3))
