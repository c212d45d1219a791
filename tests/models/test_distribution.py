from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lungnet.models import Distribution
from lungnet.models.checkpoints import Checkpoints
from lungnet.models.training_log import Means


def test_one_device_asks_nobody(tmp_path: Path) -> None:
    distribution, means = Distribution(), Means()
    checkpoints = Checkpoints(tmp_path, "0" * 16, {"means": means})
    assert distribution.resume(checkpoints) == 0
    means.add({"loss": 2.0})
    checkpoints.save(7)
    means.take()
    assert distribution.resume(checkpoints) == 7
    assert means.take() == {"loss": 2.0}
    never: Callable[[], Any] = lambda: pytest.fail("nobody is to be told")  # noqa: E731
    assert distribution.from_chief(never) is None
    assert distribution.chiefs({"auc": 0.5}) == {"auc": 0.5}
    assert distribution.kept(tmp_path) == tmp_path
