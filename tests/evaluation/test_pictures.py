"""Pictures: which patches are shown."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import draw_patch_sheet, draw_worst_errors, pictures


@pytest.fixture
def shown(monkeypatch):
    """What was drawn, in order."""
    images = []
    monkeypatch.setattr(pictures, "_show", lambda axis, image, window: images.append(np.array(image)))
    return images


def patches(count):
    """Patch k is k everywhere."""
    return np.repeat(np.arange(count, dtype=np.int16), 1600).reshape(count, 40, 40)


def test_worst_errors_come_first_and_right_answers_never(tmp_path, shown):
    y = [0, 0, 0, 1, 1, 1]
    p = [0.6, 0.9, 0.1, 0.4, 0.2, 0.7]
    draw_worst_errors(tmp_path / "errors.png", patches(6), y, p, threshold=0.5, columns=2)
    assert [int(image[0, 0]) for image in shown] == [1, 0, 4, 3]


def test_a_patch_at_the_threshold_is_a_false_positive(tmp_path, shown):
    draw_worst_errors(tmp_path / "errors.png", patches(2), [0, 1], [0.5, 0.5], threshold=0.5)
    assert [int(image[0, 0]) for image in shown] == [0]


def test_a_sheet_is_drawn_evenly_from_first_to_last(tmp_path, shown):
    draw_patch_sheet(tmp_path / "sheet.png", patches(21), patches(3), rows=2, columns=3)
    real, synthetic = shown
    assert real.shape == (2 * 42 - 2, 3 * 42 - 2)
    corners = [int(real[top, left]) for top in (0, 42) for left in (0, 42, 84)]
    assert corners == [0, 4, 8, 12, 16, 20]
    assert synthetic.shape == real.shape
    assert real[40, 0] == 400.0


def test_errors_of_one_class_are_refused(tmp_path):
    with pytest.raises(InputError, match="both classes"):
        draw_worst_errors(tmp_path / "errors.png", patches(2), [1, 1], [0.2, 0.3], 0.5)
