"""How a network does on the inner validation patches while it trains."""

from dataclasses import dataclass
from typing import Self

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from lungnet.models.hounsfield import to_unit

CHUNK = 256


@dataclass(frozen=True, eq=False)
class Validation:
    """Patches that no update sees.

    Attributes:
        unit: float32 `(n, rows, columns, 1)` in [0, 1].
        labels: `(n,)` of 0 and 1; one class may be missing.
    """

    unit: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        patches_hu: npt.NDArray[np.int16] | None,
        labels: npt.ArrayLike | None,
        window_hu: tuple[float, float],
    ) -> Self | None:
        """Returns the validation of these patches, or None where there are none.

        Raises:
            ValueError: patches and labels differ in number, or only one of them is given.
        """
        if patches_hu is None and labels is None:
            return None
        if patches_hu is None or labels is None or len(patches_hu) != len(np.asarray(labels)):
            raise ValueError("validation patches and labels must be given together, one label per patch")
        if len(patches_hu) == 0:
            return None
        return cls(to_unit(patches_hu, window_hu)[..., None], np.asarray(labels, np.float32))

    def judge(self, network: keras.Model) -> dict[str, float]:
        """Returns "validation_loss" (mean cross-entropy) and "validation_auc" (0.5 with one class only).

        Args:
            network: from `unit` to logits `(n,)`.
        """
        logits = np.concatenate(
            [
                np.asarray(network(self.unit[start : start + CHUNK], training=False), np.float64)
                for start in range(0, len(self.unit), CHUNK)
            ]
        )
        loss = np.mean(np.logaddexp(0.0, logits) - self.labels * logits)
        both = np.ptp(self.labels) > 0
        return {
            "validation_loss": float(loss),
            "validation_auc": float(roc_auc_score(self.labels, logits)) if both else 0.5,
        }
