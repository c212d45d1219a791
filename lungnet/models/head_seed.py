"""Several trainings of a head on the same features: what their seeds are."""

from lungnet.config import CalmConfig
from lungnet.hashing import stable_id


def head_seed(config: CalmConfig, seed: int) -> int:
    """Returns the seed of a training on features, below 2**31 unless it is `seed` itself.

    Args:
        config: its `head_seed` says which of several trainings it is; 0 is the ordinary one.
        seed: of the run.

    Example:
        >>> head_seed(CalmConfig(), 7)
        7
    """
    return seed if config.head_seed == 0 else stable_id(seed, "head", config.head_seed) % 2**31
