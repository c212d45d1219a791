"""When a training that no longer gets better ends."""

from collections.abc import Sequence

import numpy as np


def no_longer_improves(losses: Sequence[float], patience: int) -> bool:
    """Says whether the least loss lies `patience` reports or more back; a tie is no improvement.

    It goes by the curve alone, so that a training that is taken up again ends where it would have ended.

    Args:
        losses: on validation, one of each report so far; may be empty.
        patience: 0 for never.

    Example:
        >>> no_longer_improves([0.5, 0.3, 0.4, 0.3], 2), no_longer_improves([0.5, 0.3, 0.4, 0.2], 2)
        (True, False)
    """
    return bool(patience and len(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience)
