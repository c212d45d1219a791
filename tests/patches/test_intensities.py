"""Shares of pixels, by hand."""

import numpy as np

from lungnet.config import ValidationConfig
from lungnet.patches import ExampleArrays, PatchExample
from lungnet.patches.intensities import Intensities


def counted(*patches: np.ndarray, batches: int = 1, **rules: object) -> Intensities:
    seen = Intensities(ValidationConfig.model_validate(rules), (-1000.0, 400.0))
    examples = [PatchExample(patch, 1, "P", "s", "P") for patch in patches]
    for batch in np.array_split(np.arange(len(examples)), batches):
        seen.add(ExampleArrays.from_examples([examples[index] for index in batch]))
    return seen


def quarters(*values: int) -> np.ndarray:
    """A patch whose rows hold four values, ten rows each."""
    return np.repeat(np.array(values, np.int16), 10)[:, None] * np.ones((1, 40), np.int16)


def test_shares_count_pixels_strictly_inside() -> None:
    seen = counted(quarters(-1000, -501, -500, 399), quarters(-999, 400, 0, -1001), batches=2)
    assert seen.lung_share == 4 / 8  # -1000, -501, -999, -1001
    assert seen.window_share == 5 / 8  # black and white themselves are out
    assert (seen.patches, seen.low_hu, seen.high_hu) == (2, -1001, 400)


def test_constant_means_within_the_window() -> None:
    black, grey, white = (-2000, -1000, -1500, -3000), (7, 7, 7, 7), (400, 500, 3000, 900)
    assert counted(quarters(*black), quarters(*grey), quarters(*white)).constant == 3
    assert counted(quarters(-2000, -1000, -999, -3000)).constant == 0


def test_bounds_belong_to_the_range() -> None:
    seen = counted(quarters(-5, 0, 5, 0), quarters(-6, 0, 5, 0), quarters(-5, 0, 6, 0), hu_range=[-5, 5])
    assert seen.out_of_range == 2


def test_int16s_ends_do_not_wrap() -> None:
    seen = counted(quarters(-32768, 32767, 0, 0))
    assert (seen.out_of_range, seen.constant, seen.window_share) == (1, 0, 0.5)


def test_nothing_gives_nothing() -> None:
    seen = counted()
    assert (seen.patches, seen.lung_share, seen.window_share) == (0, 0.0, 0.0)
