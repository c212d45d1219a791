"""Stored values to Hounsfield units."""

import numpy as np
import pytest

from lungnet.ct.rescale import to_hu


def hu(stored, dtype, slope, intercept):
    stored = np.array(stored, dtype)
    out = np.empty(stored.shape, np.int16)
    to_hu(stored, slope, intercept, out)
    return out.tolist()


def test_by_hand():
    assert hu([0, 1024, 4095], np.uint16, 1, -1024) == [-1024, 0, 3071]
    assert hu([-2000, 0, 7], np.int16, 2, -24) == [-4024, -24, -10]


def test_rounds_half_to_even():
    assert hu([1, 3, 5, -1, -3], np.int16, 0.5, 0) == [0, 2, 2, 0, -2]
    assert hu([1, 2], np.int16, 1, 0.5) == [2, 2]


def test_saturates():
    assert hu([-32768, -32000, 32767], np.int16, 1, -1024) == [-32768, -32768, 31743]
    assert hu([0, 32768, 65535], np.uint16, 1, 0) == [0, 32767, 32767]
    assert hu([32767, -32768], np.int16, 1e6, 0) == [32767, -32768]
    assert hu([65535], np.uint16, 1, -40000) == [25535]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32])
@pytest.mark.parametrize(
    ("slope", "intercept"), [(1, -1024), (1, 0), (1, 1), (0.37, -1000.3), (-1, 5), (1, -0.5)]
)
def test_equals_exact_arithmetic(dtype, slope, intercept):
    info = np.iinfo(dtype)
    low, high = max(info.min, -(10**6)), min(info.max, 10**6)
    stored = np.random.default_rng(1).integers(low, high, 500, endpoint=True).astype(dtype)
    expected = [max(-32768, min(32767, round(float(slope) * int(v) + float(intercept)))) for v in stored]
    assert hu(stored, dtype, slope, intercept) == expected


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_in_place(dtype, slope):
    values = np.arange(0, 4000, 7, dtype=np.int16)
    out = values.copy()
    to_hu(out.view(dtype), slope, -1024.0, out)
    assert out.tolist() == [round(slope * int(v) - 1024.0) for v in values]
