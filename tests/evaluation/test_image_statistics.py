"""Intensities and frequencies: by hand, against scipy, and what they must do."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from lungnet.errors import InputError
from lungnet.evaluation import (
    intensity_distance,
    intensity_histogram,
    log_spectral_distance_db,
    radial_power_spectrum,
)

WINDOW = (-1000.0, 400.0)


def noise(seed, count=20, mean=-500.0, deviation=150.0):
    values = np.random.default_rng(seed).normal(mean, deviation, (count, 40, 40))
    return np.rint(values).astype(np.int16)


def constant(value, count=2):
    return np.full((count, 40, 40), value, np.int16)


def test_constant_patches_by_hand():
    found = intensity_distance(constant(-500), constant(-300), WINDOW)
    assert found.wasserstein_hu == pytest.approx(200.0)
    assert found.jensen_shannon_bits == pytest.approx(1.0)
    half = np.concatenate([constant(-500), constant(-300)])
    # One of two halves moves by 200 HU; and 1/2 log2(1 / (3/4)) + 1/2 (1/2 log2(1/2 / (3/4)) + 1/2 log2 2).
    found = intensity_distance(constant(-500), half, WINDOW)
    assert found.wasserstein_hu == pytest.approx(100.0)
    expected = 0.5 * np.log2(4 / 3) + 0.25 * np.log2(2 / 3) + 0.25
    assert found.jensen_shannon_bits == pytest.approx(expected)


def test_equals_scipy():
    one, other = noise(0, deviation=60.0), noise(1, mean=-420.0, deviation=90.0)
    found = intensity_distance(one, other, WINDOW)
    assert found.wasserstein_hu == pytest.approx(wasserstein_distance(one.ravel(), other.ravel()), rel=1e-9)
    bins = np.append(np.arange(-1000, 401, 50), 450)
    shares = [np.histogram(each, bins)[0] for each in (one, other)]
    assert found.jensen_shannon_bits == pytest.approx(jensenshannon(*shares, base=2) ** 2, rel=1e-9)


def test_equal_patches_have_no_distance_and_what_lies_outside_the_window_does_not_count():
    assert intensity_distance(noise(2), noise(2), WINDOW).wasserstein_hu == 0.0
    assert intensity_distance(noise(2), noise(2), WINDOW).jensen_shannon_bits == 0.0
    assert intensity_distance(constant(400), constant(3000), WINDOW).wasserstein_hu == 0.0


def test_a_histogram_is_of_shares_at_whole_hounsfield_units():
    shares = intensity_histogram(np.concatenate([constant(-1000, 3), constant(400, 1)]), WINDOW)
    assert shares.shape == (1401,)
    assert (shares[0], shares[-1], shares.sum()) == (0.75, 0.25, 1.0)


@pytest.mark.parametrize("cycles", [3, 11])
def test_a_wave_has_its_power_where_it_swings(cycles):
    phase = 2 * np.pi * cycles * np.arange(40) / 40
    wave = np.rint(300 * np.sin(phase)).astype(np.int16)
    for patch in (np.tile(wave, (40, 1)), np.tile(wave[:, None], (1, 40))):
        spectrum = radial_power_spectrum(patch[None])
        assert spectrum.shape == (20,)
        assert np.argmax(spectrum) == cycles - 1
        # Beyond the neighbours, to which the taper spreads, there is next to nothing.
        away = np.abs(np.arange(1, 21) - cycles) > 3
        assert spectrum[away].max() < 1e-3 * spectrum.max()


def test_white_noise_is_flat_and_its_power_is_its_variance():
    spectrum = radial_power_spectrum(noise(3, count=400, deviation=100.0))
    # The mean of each patch takes its share from the lowest frequencies alone.
    np.testing.assert_allclose(spectrum[3:] * 40 * 40, 100.0**2, rtol=0.05)


def test_brightness_and_symmetries_leave_the_spectrum():
    patches = noise(4)
    expected = radial_power_spectrum(patches)
    np.testing.assert_allclose(radial_power_spectrum(patches + np.int16(200)), expected)
    np.testing.assert_allclose(radial_power_spectrum(np.rot90(patches, axes=(1, 2))), expected)


def test_a_doubled_amplitude_is_six_decibels():
    patches = noise(5)
    assert log_spectral_distance_db(patches, patches) == 0.0
    doubled = (patches * 2).astype(np.int16)
    assert log_spectral_distance_db(patches, doubled) == pytest.approx(20 * np.log10(2), rel=1e-6)


def test_smooth_patches_are_farther_from_noise_than_other_noise_is():
    patches, other = noise(6), noise(7)
    smooth = (sum(np.roll(other.astype(int), (i, j), (1, 2)) for i in (0, 1) for j in (0, 1)) // 4).astype(
        np.int16
    )
    assert log_spectral_distance_db(patches, other) < 1.0 < log_spectral_distance_db(patches, smooth)


def test_constant_patches_have_a_spectrum():
    assert np.isfinite(log_spectral_distance_db(constant(0), noise(8)))


@pytest.mark.parametrize(
    "patches", [np.zeros((0, 40, 40), np.int16), np.zeros((2, 40, 40)), np.zeros((2, 4, 5))]
)
def test_what_are_no_patches_is_refused(patches):
    with pytest.raises(InputError, match=r"must be int16 \(n, size, size\), at least one patch"):
        radial_power_spectrum(patches)
    with pytest.raises(InputError, match=r"must be int16 \(n, size, size\), at least one patch"):
        intensity_distance(patches, noise(0), WINDOW)
