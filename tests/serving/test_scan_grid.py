from dataclasses import replace

import numpy as np
import pytest

from lungnet.ct import Volume, lung_mask
from lungnet.errors import InputError
from lungnet.serving.scan_grid import lung_grid


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_cells_lie_within_half_a_stride_of_the_lungs(chest, stride):
    grid = lung_grid(chest, stride)
    mask = lung_mask(chest)
    slices, rows, columns = chest.hu.shape
    assert grid.looked_at.shape == (slices, -(-rows // stride), -(-columns // stride))
    half = stride // 2
    padded = np.pad(mask, ((0, 0), (half, half), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half + 1, 2 * half + 1), axis=(1, 2))
    near = np.asarray(windows.any(axis=(3, 4)))[:, ::stride, ::stride]
    assert (grid.looked_at <= near).all()  # nothing outside
    assert (grid.looked_at >= mask[:, ::stride, ::stride]).all()  # everything inside
    assert grid.looked_at.any() and not grid.looked_at.all()


def test_too_few_slices(chest):
    with pytest.raises(InputError, match=r"Series 2\.25\.77 has 2 slice\(s\); expected .* at least 3"):
        lung_grid(replace(chest, hu=chest.hu[:2]), 8)


def volume(hu: np.ndarray) -> Volume:
    return Volume(np.ascontiguousarray(hu, np.int16), (3.0, 1.4, 1.4), (0.0, 0.0, 0.0), series_uid="s")


def test_no_lungs():
    hu = np.full((5, 150, 200), -1000)
    hu[:, 20:130, 20:180] = 40
    with pytest.raises(InputError, match=r"No lungs were found in series s: .* 25 cm2 .* Received: 0 cm2"):
        lung_grid(volume(hu), 8)


def test_bowel_gas_is_no_lung():
    hu = np.full((5, 150, 200), -1000)
    hu[:, 20:130, 20:180] = 40
    hu[:, 50:100, 60:120] = -1000
    with pytest.raises(InputError, match=r"is no lung: expected a median .* Received: -1000 HU"):
        lung_grid(volume(hu), 8)


def test_a_small_air_space_is_no_lung():
    hu = np.full((5, 150, 200), -1000)
    hu[:, 20:130, 20:180] = 40
    hu[:, 60:92, 60:92] = -850  # 20 cm2
    with pytest.raises(InputError, match=r"Received: 2\d cm2"):
        lung_grid(volume(hu), 8)


def test_an_empty_scan():
    with pytest.raises(InputError, match="No lungs were found"):
        lung_grid(volume(np.full((5, 150, 200), -1000)), 8)
