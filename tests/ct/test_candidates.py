"""LUNA16's CSV."""

import pytest

from lungnet.ct import (
    Candidate,
    format_candidates,
    hashed_id,
    read_candidates,
    read_series_uids,
    write_candidates,
)
from lungnet.errors import InputError

HEAD = "seriesuid,coordX,coordY,coordZ"


def write(tmp_path, text: str):
    path = tmp_path / "candidates.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_candidates_of_luna16(tmp_path):
    path = write(tmp_path, f"{HEAD},class\n1.2.3,-56.08,-67.85,-311.92,0\n1.2.4,53.21,-244.41,-245.17,1\n")
    assert read_candidates(path) == [
        Candidate("1.2.3", (-56.08, -67.85, -311.92), label=0),
        Candidate("1.2.4", (53.21, -244.41, -245.17), label=1),
    ]


def test_annotations_of_luna16(lungnet_data):
    nodules = read_candidates(lungnet_data / "luna16" / "annotations.csv")
    assert len(nodules) == 1186
    assert nodules[0].center_xyz_lps_mm == (-128.6994211, -175.3192718, -298.3875064)
    assert nodules[0].diameter_mm == 5.651470635
    assert nodules[0].label is None and nodules[0].probability is None


def test_columns_in_any_order_with_a_mark_and_spaces(tmp_path):
    path = write(
        tmp_path, "\ufeffcoordZ, coordY,coordX,note,seriesuid,probability\r\n3,2,1,see,1.2, 0.25\r\n"
    )
    assert read_candidates(path) == [Candidate("1.2", (1.0, 2.0, 3.0), 0.25)]


def test_header_alone_is_no_candidate(tmp_path):
    assert read_candidates(write(tmp_path, HEAD)) == []


def test_text_by_hand():
    ones = [Candidate("1.2", (1.5, -2.0, 3.25), 0.125), Candidate("1.3", (0.0, 0.0, 0.1))]
    assert format_candidates(ones) == f"{HEAD},probability\n1.2,1.5,-2.0,3.25,0.125\n1.3,0.0,0.0,0.1,\n"
    assert format_candidates([]) == f"{HEAD},probability\n"


def test_writing_and_reading_gives_the_same(tmp_path):
    ones = [Candidate("1.2", (0.1 + 0.2, -1e-17, 3.0), 1 / 3), Candidate("1.3", (1.0, 2.0, 3.0))]
    write_candidates(tmp_path / "out.csv", ones)
    assert read_candidates(tmp_path / "out.csv") == ones
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == f"{HEAD},probability"
    write_candidates(tmp_path / "out.csv", ones[1:])
    assert (tmp_path / "out.csv").read_text() == f"{HEAD}\n1.3,1.0,2.0,3.0\n"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1.2,here,2,3", r"line 3: coordX must be a finite number. Received: 'here'"),
        ("1.2,1,nan,3", r"line 3: coordY must be a finite number"),
        ("1.2,1,2", r"line 3: coordX, coordY and coordZ must be numbers. Received: an empty field"),
        (",1,2,3", r"line 3: seriesuid is empty"),
        ("1.2,1,2,3,1.5", r"line 3: probability must be between 0 and 1. Received: 1.5"),
        ("1.2,1,2,3,,2", r"line 3: class must be 0 or 1. Received: 2"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, complaint):
    path = write(tmp_path, f"{HEAD},probability,class\n1.2,1,2,3,0.5,1\n{line}\n")
    with pytest.raises(InputError, match=complaint):
        read_candidates(path)


@pytest.mark.parametrize("text", ["", "seriesuid,coordX,coordY\n1,2,3\n"])
def test_missing_columns(tmp_path, text):
    with pytest.raises(InputError, match=r"has no column .*coordZ; expected the columns seriesuid,coordX"):
        read_candidates(write(tmp_path, text))


def test_files_that_are_no_csv(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        read_candidates(tmp_path / "gone.csv")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_candidates(tmp_path / "image.csv")


def test_series_of_luna16(lungnet_data):
    uids = read_series_uids(lungnet_data / "luna16" / "seriesuids.csv")
    assert len(uids) == len(set(uids)) == 888
    assert uids[0] == "1.3.6.1.4.1.14519.5.2.1.6279.6001.100225287222365663678666836860"


def test_series_with_heading_marks_and_more_columns(tmp_path):
    hashed = hashed_id("series", "1.2.5")
    path = write(tmp_path, f"\ufeffseriesuid,subset\r\n1.2.3,0\r\n\r\n 1.2.4 ,1\r\n{hashed}\r\n")
    assert read_series_uids(path) == ["1.2.3", "1.2.4", hashed]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "lists no series"),
        ("seriesuid\n\n", "lists no series"),
        ("1.2.3\n1.2.4\n1.2.3\n", r"line 3: series 1.2.3 stands on line 1 already"),
        ("1.2.3\nLIDC-IDRI-0001\n", r"line 2: expected a Series Instance UID. Received: 'LIDC-IDRI-0001'"),
        ("1.2.3\nseriesuid\n", "line 2: expected a Series Instance UID"),
    ],
)
def test_lists_of_series_that_are_none(tmp_path, text, complaint):
    with pytest.raises(InputError, match=complaint):
        read_series_uids(write(tmp_path, text))
