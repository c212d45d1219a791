"""The frame of a volume: indices to millimetres and back."""

import numpy as np
import pytest

from lungnet.ct import Volume


def oblique_volume() -> Volume:
    row, column = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
    direction = np.stack([row, column, np.cross(row, column)], axis=1)
    return Volume(np.zeros((3, 4, 5), np.int16), (2.5, 0.75, 0.625), (10.0, -20.0, 30.0), direction)


def test_axial_case_by_hand():
    volume = Volume(np.zeros((3, 4, 5), np.int16), (2.5, 0.75, 0.5), (10.0, -20.0, 30.0))
    # One slice up, two rows down (posterior, +y), three columns along (left, +x).
    assert volume.index_to_world((1, 2, 3)).tolist() == [11.5, -18.5, 32.5]
    assert volume.world_to_index((11.5, -18.5, 32.5)).tolist() == [1.0, 2.0, 3.0]


def test_oblique_case_by_hand():
    volume = oblique_volume()
    # Columns grow along (0.8, 0.6, 0), rows along -z, slices along their cross product (-0.6, 0.8, 0).
    np.testing.assert_allclose(volume.index_to_world((0, 0, 1)), [10.5, -19.625, 30.0], atol=1e-12)
    np.testing.assert_allclose(volume.index_to_world((0, 1, 0)), [10.0, -20.0, 29.25], atol=1e-12)
    np.testing.assert_allclose(volume.index_to_world((1, 0, 0)), [8.5, -18.0, 30.0], atol=1e-12)


def test_round_trip_over_any_leading_shape():
    volume = oblique_volume()
    indices = np.random.default_rng(3).uniform(-50, 600, (4, 25, 3))
    there = volume.index_to_world(indices)
    assert there.shape == (4, 25, 3)
    np.testing.assert_allclose(volume.world_to_index(there), indices, rtol=0, atol=1e-9)
    np.testing.assert_allclose(volume.index_to_world(volume.world_to_index(there)), there, rtol=0, atol=1e-9)


def test_refuses_other_dtypes_shapes_and_spacings():
    with pytest.raises(ValueError, match=r"int16 \(slices, rows, columns\).*float64"):
        Volume(np.zeros((1, 2, 2)), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Received: shape=\(2, 2\)"):
        Volume(np.zeros((2, 2), np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="spacing_mm must be positive"):
        Volume(np.zeros((1, 2, 2), np.int16), (1.0, 0.0, 1.0), (0.0, 0.0, 0.0))
