import numpy as np
import pytest

from lungnet.lidc.outline import enclosed


def _drawn(points, rows, columns, row0=0, col0=0):
    inside, outline = enclosed(np.array(points, np.int32), row0, col0, rows, columns)
    assert not (inside & outline).any()
    text = np.where(inside, "#", np.where(outline, "o", "."))
    return ["".join(row) for row in text]


def test_a_triangle_by_hand():
    # The slanted edge from (5, 0) to (0, 5) passes through lattice points, which are on the outline.
    assert _drawn([(0, 0), (5, 0), (0, 5)], 6, 6) == [
        "oooooo",
        "o###o.",
        "o##o..",
        "o#o...",
        "oo....",
        "o.....",
    ]


def test_a_slope_between_lattice_points_by_hand():
    # Edges of slope 1/2 and 2: at row 1 the polygon spans columns 2 to 5.5, at row 2 columns 4 to 5.
    assert _drawn([(0, 0), (6, 0), (5, 2), (4, 2)], 3, 7) == ["ooooooo", "..o###.", "....oo."]


def test_a_notch_is_outside():
    points = [(0, 0), (6, 0), (6, 4), (3, 1), (0, 4)]
    assert _drawn(points, 5, 7) == ["ooooooo", "o##o##o", "o#o.o#o", "oo...oo", "o.....o"]


def test_a_crossing_outline_is_even_odd():
    # A rectangle run round twice encloses nothing; run round once it does.
    square = [(0, 0), (3, 0), (3, 3), (0, 3)]
    assert _drawn(square, 4, 4)[1] == "o##o"
    assert _drawn(square * 2, 4, 4)[1] == "o..o"


def test_start_direction_closure_and_place_do_not_matter():
    rng = np.random.default_rng(7)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
    radius = rng.uniform(5, 12, 40)
    points = np.rint(13 + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]).astype(np.int32)
    drawn = _drawn(points, 27, 27)
    assert _drawn(points[::-1], 27, 27) == drawn
    assert _drawn(np.roll(points, 9, axis=0), 27, 27) == drawn
    assert _drawn(np.append(points, points[:1], axis=0), 27, 27) == drawn
    assert _drawn(points + np.array([300, 40]), 27, 27, row0=40, col0=300) == drawn
    transposed = _drawn(points[:, ::-1], 27, 27)
    assert ["".join(column) for column in zip(*transposed, strict=True)] == drawn


def test_points_and_lines_enclose_nothing():
    assert _drawn([(1, 1)], 3, 3) == ["...", ".o.", "..."]
    assert _drawn([(0, 0), (2, 2)], 3, 3) == ["o..", ".o.", "..o"]


def test_points_outside_the_frame_are_refused():
    with pytest.raises(ValueError, match="must lie within rows 0 to 2 and columns 0 to 2"):
        enclosed(np.array([(0, 0), (3, 0)], np.int32), 0, 0, 3, 3)
