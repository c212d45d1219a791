"""Synthetic against real patches, beside real against real: every distance between two samples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.config import QualityConfig
from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.halves import Halves
from lungnet.evaluation.image_statistics import intensity_distance, log_spectral_distance_db
from lungnet.evaluation.kernel_distance import KernelDistance, kernel_distance
from lungnet.evaluation.manifold_metrics import manifold_metrics
from lungnet.evaluation.synthetic_training import Encode
from lungnet.hashing import stable_id

#: Fewer patches in a half say nothing.
FEWEST = 10

PatchesHU = npt.NDArray[np.int16]


def sample_distances(
    real_hu: PatchesHU,
    halvings: Sequence[Halves],
    synthetic_hu: PatchesHU,
    spaces: Mapping[str, Encode],
    window_hu: tuple[float, float],
    config: QualityConfig,
    seed: int,
) -> dict[str, Any]:
    """Measures synthetic patches, and real ones of other groups, against real patches.

    Each halving gives a reference half and a floor half of real patches; as many synthetic patches are
    drawn. Both are measured against the reference. Features are first moved to mean 0 and, all by
    one number, to a mean variance of 1 over the real patches, or the kernel would hang on their scale.

    Args:
        real_hu: int16 `(n, 40, 40)`, positives of training.
        halvings: of those, at least one, as `halve` makes them.
        synthetic_hu: int16 `(m, 40, 40)`, at least as many as a half has.
        spaces: name -> features.
        window_hu: intensities are clipped to it.
        config: of subsets and neighbours.
        seed: of samples and subsets.

    Returns:
        `{patches: {least, most}, unit, halvings, neighbours, kid_subset_size, kid_subsets, measures:
        {<space>: {<measure>: {synthetic, floor}}}}`: in "pixels" `wasserstein_hu`, `jensen_shannon_bits` and
        `log_spectral_distance_db`, in every other space `kid`, `precision`, `recall`, `density` and
        `coverage`. Each is `{value, deviation}`, mean and standard deviation over halvings (null for one);
        `kid` has the `standard_error` over subsets too. `patches` are those of a half.

    Raises:
        InputError: a half has fewer than 10 patches, or no more than the neighbours.
    """
    fewest = max(FEWEST, config.neighbours + 1)
    sizes = [len(halves.reference) for halves in halvings]
    if min(sizes) < fewest or max(sizes) > len(synthetic_hu):
        raise InputError(
            f"Distances need at least {fewest} patches in each half of the real training positives, and as "
            f"many synthetic ones. Received: {min(sizes)} to {max(sizes)} and {len(synthetic_hu)}"
        )
    features = {name: _scaled(encode(real_hu), encode(synthetic_hu)) for name, encode in spaces.items()}
    measured: list[dict[str, dict[str, dict[str, Any]]]] = []
    for number, halves in enumerate(halvings):
        rng = np.random.default_rng([seed, stable_id("synthetic sample", number)])
        drawn = rng.permutation(len(synthetic_hu))[: sizes[number]]
        reference_hu = real_hu[halves.reference]
        pixels = {
            "synthetic": _pixel_measures(reference_hu, synthetic_hu[drawn], window_hu),
            "floor": _pixel_measures(reference_hu, real_hu[halves.floor], window_hu),
        }
        spaces_measured = {
            name: {
                "synthetic": _feature_measures(real[halves.reference], synthetic[drawn], config, seed),
                "floor": _feature_measures(real[halves.reference], real[halves.floor], config, seed),
            }
            for name, (real, synthetic) in features.items()
        }
        measured.append({"pixels": pixels, **spaces_measured})
    kid = measured[0][next(iter(spaces))]["floor"]["kid"] if spaces else None
    return {
        "patches": {"least": min(sizes), "most": max(sizes)},
        "unit": halvings[0].unit,
        "halvings": len(halvings),
        "neighbours": config.neighbours,
        "kid_subset_size": kid.subset_size if kid else 0,
        "kid_subsets": config.kid_subsets,
        "measures": {
            space: {
                measure: {
                    side: _summary([each[space][side][measure] for each in measured])
                    for side in ("synthetic", "floor")
                }
                for measure in measured[0][space]["floor"]
            }
            for space in measured[0]
        },
    }


def _pixel_measures(
    reference_hu: PatchesHU, tested_hu: PatchesHU, window_hu: tuple[float, float]
) -> dict[str, float]:
    return {
        **asdict(intensity_distance(reference_hu, tested_hu, window_hu)),
        "log_spectral_distance_db": log_spectral_distance_db(reference_hu, tested_hu),
    }


def _feature_measures(
    reference: Floats, tested: Floats, config: QualityConfig, seed: int
) -> dict[str, float | KernelDistance]:
    kid = kernel_distance(reference, tested, config.kid_subset_size, config.kid_subsets, seed)
    return {"kid": kid, **asdict(manifold_metrics(reference, tested, config.neighbours))}


def _summary(found: list[float] | list[KernelDistance]) -> dict[str, float | None]:
    """Mean and standard deviation over halvings."""
    values = [one.value if isinstance(one, KernelDistance) else one for one in found]
    errors = [one.standard_error for one in found if isinstance(one, KernelDistance)]
    summary: dict[str, float | None] = {
        "value": float(np.mean(values)),
        "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
    }
    if errors:
        summary["standard_error"] = float(np.sqrt(np.sum(np.square(errors))) / len(errors))
    return summary


def _scaled(real: npt.NDArray[np.float32], synthetic: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Both about the mean of the real ones, divided by the root of the real features' mean variance."""
    mean = real.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(np.mean(real.var(axis=0, dtype=np.float64)))) or 1.0
    return (real - mean) / scale, (synthetic - mean) / scale
