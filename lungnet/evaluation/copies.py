"""Whether a generator draws training patches that it learned by heart.

The measure is held-out real patches: what their distance to training is, a generator's patches should not
undercut. Smooth patches lie nearer to everything, which is no copying; therefore the distance to the nearest
nodule is also divided by that to the next ones, among which a copied nodule stands out (Carlini et al.,
"Extracting training data from diffusion models", USENIX Security 2023, compare in this way).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.nearest_patches import Nearest, nearest_nodules

#: Of the held-out patches one in a hundred lies nearer to training than this percentile.
PERCENTILE = 1.0
#: Share of patches nearer than that from which on something is reported: five times what is expected ...
ALARM = 0.05
#: ... and how unlikely it must be that they are the nearest of all by chance.
CHANCE = 0.01
#: Fewer held-out patches are no measure.
FEWEST_HELD_OUT = 20

Finding = Literal["copies", "nearer", "none"]


@dataclass(frozen=True)
class CopySearch:
    """How near synthetic patches lie to training, against held-out real ones.

    Attributes:
        synthetic, held_out: patches that were looked up.
        training_nodules: nodules that they were looked up among.
        median_hu: median distance of synthetic patches to the nearest training nodule.
        held_out_median_hu: of held-out real ones.
        ratio_of_medians: the first over the second; well below 1 is suspicious.
        share_nearer: share of synthetic patches nearer than the 1st percentile of held-out ones.
        chance_nearer: how likely it is, if synthetic and held-out patches do not differ, that as many
            synthetic ones as here are nearer than every held-out one.
        share_relatively_nearer, chance_relatively_nearer: the same of the distance to the nearest nodule over
            the mean distance to the k next ones.
        finding: "copies" if more than 5 % are relatively nearer and the chance of that is below 1 %; "nearer"
            if that holds for the plain distance alone, so that no nodule stands out (smooth patches do
            that); else "none".
    """

    synthetic: int
    held_out: int
    training_nodules: int
    median_hu: float
    held_out_median_hu: float
    ratio_of_medians: float
    share_nearer: float
    chance_nearer: float
    share_relatively_nearer: float
    chance_relatively_nearer: float
    finding: Finding

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Suspects:
    """Synthetic patches by how far their nearest training nodule stands out, the most suspicious first.

    Attributes:
        synthetic_rows: int64 `(n,)`.
        training_rows: int64 `(n,)`, the training patch nearest to each.
    """

    synthetic_rows: npt.NDArray[np.int64]
    training_rows: npt.NDArray[np.int64]


def search_copies(
    synthetic_hu: npt.NDArray[np.int16],
    held_out_hu: npt.NDArray[np.int16],
    training_hu: npt.NDArray[np.int16],
    training_nodules: npt.NDArray[np.int64],
    window_hu: tuple[float, float],
    shift_px: int = 3,
    neighbours: int = 5,
) -> tuple[CopySearch, Suspects]:
    """Looks for copies of training patches among synthetic ones.

    Args:
        synthetic_hu: int16 `(n, 40, 40)`.
        held_out_hu: int16 `(m, 40, 40)`, real positives of patients that the generator never saw.
        training_hu: int16 `(t, 40, 40)`, the real positives that it was trained on.
        training_nodules: int64 `(t,)`, the nodule of each.
        window_hu: patches are clipped to it.
        shift_px: translations up to which a patch counts as a copy.
        neighbours: further nodules that the nearest one is compared with.

    Raises:
        InputError: patches that are not int16 `(n, size, size)`, fewer than 20 held-out ones, or fewer than
            `neighbours + 1` nodules.
    """
    nodules = len(np.unique(training_nodules))
    if len(held_out_hu) < FEWEST_HELD_OUT or nodules <= neighbours:
        raise InputError(
            f"Copies need at least {FEWEST_HELD_OUT} held-out patches and {neighbours + 1} training nodules. "
            f"Received: {len(held_out_hu)} and {nodules}"
        )
    found, expected = (
        nearest_nodules(patches, training_hu, training_nodules, window_hu, shift_px, neighbours + 1)
        for patches in (synthetic_hu, held_out_hu)
    )
    relative, expected_relative = _relative(found), _relative(expected)
    median, held_out_median = (float(np.median(each.distances_hu[:, 0])) for each in (found, expected))
    share, chance = _undercut(found.distances_hu[:, 0], expected.distances_hu[:, 0])
    relative_share, relative_chance = _undercut(relative, expected_relative)
    finding: Finding = "none"
    if relative_share > ALARM and relative_chance < CHANCE:
        finding = "copies"
    elif share > ALARM and chance < CHANCE:
        finding = "nearer"
    search = CopySearch(
        synthetic=len(synthetic_hu),
        held_out=len(held_out_hu),
        training_nodules=nodules,
        median_hu=median,
        held_out_median_hu=held_out_median,
        ratio_of_medians=median / held_out_median if held_out_median > 0 else 1.0,
        share_nearer=share,
        chance_nearer=chance,
        share_relatively_nearer=relative_share,
        chance_relatively_nearer=relative_chance,
        finding=finding,
    )
    order = np.argsort(relative, kind="stable")
    return search, Suspects(order, found.rows[order, 0])


def _relative(nearest: Nearest) -> Floats:
    """Distance to the nearest nodule over the mean distance to the next ones."""
    others = nearest.distances_hu[:, 1:].mean(axis=1)
    return np.divide(nearest.distances_hu[:, 0], others, out=np.ones_like(others), where=others > 0)


def _undercut(found: Floats, expected: Floats) -> tuple[float, float]:
    """Share of values below the 1st percentile of the expected, and the chance of those below all of them.

    If both are drawn from one distribution, every order of the values is equally likely: that the k
    smallest are all found ones has the probability n / (n + m) x (n - 1) / (n + m - 1) x ...
    """
    share = float(np.mean(found < np.percentile(expected, PERCENTILE)))
    smallest = np.arange(int((found < expected.min()).sum()))
    chance = np.prod((len(found) - smallest) / (len(found) + len(expected) - smallest))
    return share, float(chance)
