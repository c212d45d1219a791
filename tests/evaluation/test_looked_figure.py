"""The figure of where a classifier looked."""

import matplotlib.image
import numpy as np
import pytest

from lungnet.evaluation import Looked, choose_shown, draw_where_it_looked, looked_figure

Y = np.array([0, 0, 1, 1, 0, 1])
P = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7])
PATCHES_HU = np.full((6, 40, 40), -1000, np.int16)


def drawn(path, occlusion, grad_cam=None):
    looked = Looked(choose_shown(Y, P, 0.5), occlusion, grad_cam)
    draw_where_it_looked(path, PATCHES_HU, Y, P, 0.5, looked)
    return matplotlib.image.imread(path)[..., :3]


def count(image, color):
    return int((np.abs(image - color).max(axis=-1) < 0.02).sum())


def test_colours_lie_where_the_maps_are_not_zero(tmp_path):
    occlusion = np.zeros((6, 40, 40))
    none = drawn(tmp_path / "none.png", occlusion, occlusion)
    occlusion[0, :20], occlusion[1, 20:] = 2.0, -2.0
    some = drawn(tmp_path / "some.png", occlusion, np.zeros((6, 40, 40)))
    for name in ("_FOR", "_AGAINST"):
        over_black = 0.75 * np.array(looked_figure.to_rgb(getattr(looked_figure, name)))
        assert count(none, over_black) < 100  # the scale below has all colours
        assert count(some, over_black) > 1000


def test_a_map_has_the_strength_of_its_share_of_the_strongest():
    black, half = np.zeros((1, 1, 3)), np.array([[0.5]])
    orange = np.array(looked_figure.to_rgb("#D55E00"))
    np.testing.assert_allclose(looked_figure._over(black, half)[0, 0], 0.375 * orange)
    np.testing.assert_allclose(looked_figure._over(black, 7 * half)[0, 0], 0.75 * orange)
    blue = np.array(looked_figure.to_rgb("#0072B2"))
    np.testing.assert_allclose(looked_figure._over(black + 1, -half)[0, 0], 0.625 + 0.375 * blue)


@pytest.mark.parametrize("p", [Y.astype(float), 1.0 - Y])
def test_without_errors_or_without_right_answers_it_is_drawn_too(tmp_path, p):
    looked = Looked(choose_shown(Y, p, 0.5), np.zeros((6, 40, 40)))
    draw_where_it_looked(tmp_path / "figure.png", PATCHES_HU, Y, p, 0.5, looked)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
