"""Whether the numbers of a split can be Hounsfield units of lungs."""

import numpy as np

from lungnet.config import ValidationConfig
from lungnet.patches.columns import ExampleArrays

#: Lung parenchyma lies below, soft tissue above.
LUNG_BELOW_HU = -500


class Intensities:
    """Counts pixels and patches of one split, batch by batch.

    Args:
        rules: what a CT can give.
        window_hu: what the models see.

    Attributes:
        patches: added in all.
        out_of_range: patches with a value outside `rules.hu_range`.
        constant: patches that are of one value within the window.
        low_hu, high_hu: the extreme values.
    """

    def __init__(self, rules: ValidationConfig, window_hu: tuple[float, float]) -> None:
        self._rules = rules
        self._window_hu = window_hu
        self._pixels = self._dark = self._inside = 0
        self.patches = self.out_of_range = self.constant = 0
        self.low_hu, self.high_hu = np.iinfo(np.int16).max, np.iinfo(np.int16).min

    def add(self, arrays: ExampleArrays) -> None:
        """Counts a batch."""
        if not len(arrays):
            return
        flat = arrays.patches_hu.reshape(len(arrays), -1)
        lowest, highest = flat.min(axis=1), flat.max(axis=1)
        low, high = self._rules.hu_range
        self.patches += len(flat)
        self.out_of_range += int(((lowest < low) | (highest > high)).sum())
        self.low_hu, self.high_hu = min(self.low_hu, int(lowest.min())), max(self.high_hu, int(highest.max()))
        black, white = self._window_hu
        self.constant += int((np.clip(lowest, black, white) == np.clip(highest, black, white)).sum())
        self._pixels += flat.size
        self._dark += int((flat < LUNG_BELOW_HU).sum())
        self._inside += int(((flat > black) & (flat < white)).sum())

    @property
    def lung_share(self) -> float:
        """Share of the pixels that are as dark as lung; 0 without pixels."""
        return self._dark / max(self._pixels, 1)

    @property
    def window_share(self) -> float:
        """Share of the pixels strictly between black and white; 0 without pixels."""
        return self._inside / max(self._pixels, 1)
