"""An evaluation that is small, deterministic and has something of everything."""

import numpy as np
import pytest

from lungnet.config import Config
from lungnet.evaluation import EvaluationInputs, RowResult, Uncalibrated


@pytest.fixture
def scored():
    """400 patches of 40 patients, 30 % positive, with tied probabilities; returns y, p and groups."""
    rng = np.random.default_rng(7)
    y = (rng.random(400) < 0.3).astype(int)
    p = np.clip(np.round(0.3 + 0.3 * y + rng.normal(0.0, 0.2, 400), 2), 0.0, 1.0)
    return y, p, np.repeat([f"patient-{k:02d}" for k in range(40)], 10)


@pytest.fixture
def inputs(scored):
    """Two rows, the first with a history as CALM's training leaves it."""
    y, p, groups = scored
    history = {
        "loss": [0.7, 0.5, 0.4],
        "validation_loss": [0.72, 0.55, 0.6],
        "intra_cluster_variance": [9.0, 6.0, 5.0],
        "cluster_sizes": [[3, 4], [2, 5], [2, 5]],
        "kept_iteration": 2,
        "converged": True,
    }
    split = {"patches": 10, "by_label": {"0": 6, "1": 4}, "patients": 2, "series": 2, "nodules": 3}
    counts = {"real": {"0": 6, "1": 3}, "synthetic": {"0": 0, "1": 1}}
    return EvaluationInputs(
        labels=y,
        groups=groups,
        rows={
            "gan_cae_calm": RowResult("gan_cae_calm", p, 0.45, history, uncalibrated(y)),
            "cnn": RowResult("cnn", np.round(p, 1).astype(np.float32), 0.5),
        },
        split_unit="patient",
        data_description="A made-up set.",
        date="2026-11-23",
        summary={"train": {**split, "by_source": counts, "hu": {"mean": 0}}},
        cohort={
            "funnel": [{"name": "outliers", "scans": 1234, "patients": 7, "nodules": 8}],
            "exclusions": [{"reason": "never to be seen"}],
            "origin": "two folders",
        },
        config=Config(seed=3).model_dump(mode="json"),
        real_vs_synthetic_auc=0.75,
        traits={
            "diameter_mm": np.where(y == 1, np.linspace(3, 18, 400), 0).astype(np.float32),
            "texture": np.zeros(400, np.float32),
            "manufacturer": np.where(np.arange(400) < 380, "GE", "<b>|x"),
        },
    )


def uncalibrated(y):
    """Logits three times as sure as they should be, for evaluation and 200 inner-validation patches."""
    rng = np.random.default_rng(8)
    held = (rng.random(200) < 0.3).astype(int)
    logits = [3.0 * (2.0 * labels - 1.5 + rng.normal(0.0, 1.0, len(labels))) for labels in (y, held)]
    return Uncalibrated("platt", logits[0], held, logits[1])
