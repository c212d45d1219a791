from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lungnet.lidc import RATINGS, Scan, read_reader_xml
from lungnet.phantom.reader_xml import RATING_TAGS, Outline, Reading, reader_xml

SCAN = Scan(0, "PHANTOM-0001", "2.25.1", "2.25.2", 2.0, 2.0, 0.7, (-3.0, -1.0, 1.0))
POINTS = np.array([(10, 20), (12, 20), (12, 23), (10, 23)], np.int32)


def reading(ratings: tuple[int, ...] = (5, 1, 6, 4, 3, 1, 2, 5, 4)) -> Reading:
    outlines = (Outline("-1.000", "2.25.9", True, POINTS), Outline("1.000", "2.25.10", False, POINTS + 1))
    return Reading("Nodule 001", ratings, outlines)


def test_what_is_written_is_read_back(tmp_path: Path):
    path = tmp_path / "001.xml"
    path.write_text(reader_xml("2.25.1", "2.25.2", [[reading()], []]), encoding="utf-8")
    (annotation,) = read_reader_xml(path, SCAN)
    assert annotation.ratings == (5, 1, 6, 4, 3, 1, 2, 5, 4)
    first, second = annotation.contours
    assert (first.z_mm, first.inclusion, second.inclusion) == (-1.0, True, False)
    np.testing.assert_array_equal(first.points_xy, POINTS)
    np.testing.assert_array_equal(second.points_xy, POINTS + 1)


def test_a_rating_that_was_not_given_is_left_out(tmp_path: Path):
    path = tmp_path / "001.xml"
    text = reader_xml("2.25.1", "2.25.2", [[reading((0, 1, 6, 4, 3, 1, 2, 5, 4))]])
    assert "<subtlety>" not in text
    path.write_text(text, encoding="utf-8")
    (annotation,) = read_reader_xml(path, SCAN)
    assert annotation.rating("subtlety") == 0


def test_ratings_are_in_the_order_of_the_archive():
    assert [tag.lower() for tag in RATING_TAGS] == [name.replace("_", "") for name in RATINGS]


def test_the_structure_is_that_of_a_real_file(lungnet_data: Path):
    """Every element that ours has stands at the same place in a reader file of the archive."""

    def places(root: ElementTree.Element) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = {(root.tag,)}
        for child in root:
            found |= {(root.tag, *place) for place in places(child)}
        return found

    (real,) = (lungnet_data / "lidc" / "LIDC-IDRI-0001").glob("*/*/*.xml")
    ours = places(ElementTree.fromstring(reader_xml("2.25.1", "2.25.2", [[reading()]])))  # noqa: S314
    theirs = places(ElementTree.parse(real).getroot())  # noqa: S314
    assert ours <= theirs
    # What the archive has besides are marks that are no nodules of 3 mm, and attributes.
    assert {place[2] for place in theirs - ours if len(place) > 2} <= {"{http://www.nih.gov}nonNodule"}


def test_text_is_escaped():
    text = reader_xml("1<2", "2&3", [])
    assert "1&lt;2" in text
    assert ElementTree.fromstring(text).tag == "{http://www.nih.gov}LidcReadMessage"  # noqa: S314
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(text.replace("&amp;", "&"))  # noqa: S314
