"""On real patches: LUNA16 candidates, judged by what their centre looks like."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungnet.evaluation import classification_report


def test_the_mean_of_the_centre_separates_candidates_as_it_is_known_to(lungnet_data):
    with np.load(lungnet_data / "luna16" / "patches.npz") as arrays:
        centre = arrays["patches_hu"][:, 20:30, 20:30].mean(axis=(1, 2))
        y, groups = arrays["labels"], arrays["groups"]
    report = classification_report(y, np.clip((centre + 1000.0) / 1400.0, 0.0, 1.0), groups)
    assert report.auc.value == pytest.approx(roc_auc_score(y, centre), abs=1e-12)
    assert report.auc.value == pytest.approx(0.78, abs=0.005)
    assert report.interval_unit == "patch"  # the file has 8 groups
    assert (report.patches, report.positives, report.groups) == (6502, 1103, 8)
