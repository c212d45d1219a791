import numpy as np
import pytest
import SimpleITK as sitk

from lungnet.ct import extract, read_series
from lungnet.errors import InputError
from lungnet.serving import HeatMap, ScanGrid, SliceScanner, write_heat_map
from lungnet.serving.heat_map import scan_lungs
from lungnet.serving.scan_grid import lung_grid
from tests.serving.conftest import NODULES_ZYX, SCANNER_PROPERTIES, build_scanner


@pytest.fixture(scope="module")
def scanner(scanner_file):
    return SliceScanner(scanner_file)


def expected(volume, grid, scanner):
    """Every cell that is looked at, by its patch alone."""
    probability = np.zeros(grid.looked_at.shape, np.float32)
    cells = np.argwhere(grid.looked_at)
    centers = cells * (1, grid.stride_px, grid.stride_px)
    probability[tuple(cells.T)] = scanner.judge(extract(volume, centers))
    return probability


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("batch_slices", [1, 3, 100])
def test_cells_are_the_patches_about_them(chest, scanner, stride, batch_slices):
    grid = lung_grid(chest, stride)
    heat_map = scan_lungs(chest, grid, scanner, batch_slices)
    np.testing.assert_allclose(heat_map.probability, expected(chest, grid, scanner), atol=1e-6)
    assert heat_map.probability.max() > 0.9


def test_beyond_the_borders_lies_air(chest, scanner):
    """Cells all over the image, whose windows reach 20 pixels beyond it, and slices without any."""
    looked_at = np.random.default_rng(0).random((14, 19, 25)) < 0.3
    looked_at[[0, 4, 5, 13]] = False
    looked_at[6] = False
    looked_at[6, 18, 24] = looked_at[7, 0, 0] = True
    grid = ScanGrid(looked_at, 8)
    heat_map = scan_lungs(chest, grid, scanner)
    np.testing.assert_allclose(heat_map.probability, expected(chest, grid, scanner), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_fine_grids(chest, scanner, stride):
    looked_at = np.zeros((14, -(-150 // stride), -(-200 // stride)), bool)
    z, y, x = NODULES_ZYX[0]
    looked_at[z - 1 : z + 1, y // stride - 5 : y // stride + 6, x // stride - 4 : x // stride + 5] = True
    grid = ScanGrid(looked_at, stride)
    heat_map = scan_lungs(chest, grid, scanner)
    np.testing.assert_allclose(heat_map.probability, expected(chest, grid, scanner), atol=1e-6)


@pytest.mark.parametrize("model_stride", [4, 6])
def test_strides_that_do_not_divide_are_refused(chest, tmp_path, model_stride):
    path = tmp_path / "scanner.onnx"
    model = build_scanner({**SCANNER_PROPERTIES, "stride": str(model_stride)}, stride=model_stride)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=f"8 px does not divide the scanner's stride of {model_stride} px"):
        scan_lungs(chest, ScanGrid(np.ones((14, 19, 25), bool), 8), SliceScanner(path))


def test_nothing_to_look_at(chest, scanner):
    heat_map = scan_lungs(chest, ScanGrid(np.zeros((14, 19, 25), bool), 8), scanner)
    assert not heat_map.probability.any()


@pytest.mark.parametrize("stride", [4, 8])
def test_a_viewer_finds_the_heat_where_the_nodule_is(chest, scanner, tmp_path, stride):
    """SimpleITK, whose frame is LPS, at the nodule's place in the patient; the hottest voxel lies there."""
    heat_map = scan_lungs(chest, lung_grid(chest, stride), scanner)
    write_heat_map(tmp_path / "heat.nii.gz", chest, heat_map)
    image = sitk.ReadImage(str(tmp_path / "heat.nii.gz"))
    assert image.GetSpacing() == pytest.approx((1.4 * stride, 1.4 * stride, 3.0))
    values = sitk.GetArrayFromImage(image)
    np.testing.assert_array_equal(values, heat_map.probability)
    for nodule in NODULES_ZYX:
        place = [float(v) for v in chest.index_to_world(nodule)]
        z, y, x = image.TransformPhysicalPointToIndex(place)[::-1]
        near = values[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2]
        assert near.max() > 0.7
    z, y, x = np.unravel_index(values.argmax(), values.shape)
    hottest = image.TransformIndexToPhysicalPoint((int(x), int(y), int(z)))
    distances = [np.linalg.norm(np.subtract(hottest, chest.index_to_world(n))) for n in NODULES_ZYX]
    assert min(distances) < 8.0


def test_the_file_s_name_is_checked(chest, tmp_path):
    heat_map = HeatMap(np.zeros((14, 19, 25), np.float32), ScanGrid(np.zeros((14, 19, 25), bool), 8))
    with pytest.raises(InputError, match=r"expected a name that ends in \.nii or \.nii\.gz"):
        write_heat_map(tmp_path / "heat.png", chest, heat_map)


def test_a_real_ct(lungnet_data, scanner):
    volume = read_series(lungnet_data / "lidc" / "LIDC-IDRI-0001")
    grid = lung_grid(volume, 8)
    heat_map = scan_lungs(volume, grid, scanner)
    assert grid.looked_at.mean() < 0.2  # the rest is not computed
    cells = np.argwhere(grid.looked_at)[::97]
    alone = scanner.judge(extract(volume, cells * (1, 8, 8)))
    np.testing.assert_allclose(heat_map.probability[tuple(cells.T)], alone, atol=1e-6)
