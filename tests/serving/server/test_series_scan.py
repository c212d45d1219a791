"""Whatever bytes stand in the files of a series, it is scanned or refused in printable words."""

import random
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import RawDataElement

from lungnet.serving.dicom_source import read_source
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.series_scan import explained, scan_folder


class Blind:
    """A scanner that finds nothing."""

    @property
    def scanner(self) -> "Blind":
        return self

    def scan(self, volume: Any) -> list[Any]:
        return []


def scanned(folder: Path, status: int = 422, seconds: float = 60.0) -> str:
    """What a series is refused with, empty where it is not."""
    until = time.monotonic() + seconds
    try:
        with explained(folder, "The series"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's
            found = scan_folder(folder, "The series", Blind(), ScanLimits(), until)  # type: ignore[arg-type]
            read_source(found.series)
    except Refusal as refusal:
        assert refusal.status == status
        return refusal.message
    return ""


def test_headers_turned_over(hospital_ct, tmp_path):
    """Bytes of headers replaced, cut out and doubled, in one file or alike in all."""
    files = sorted(hospital_ct.folder.iterdir())
    rng = random.Random(0)
    said = set()
    for number in range(250):
        folder = tmp_path / str(number)
        folder.mkdir()
        alike = rng.random() < 0.3
        edits = [
            (rng.randrange(1400), rng.randrange(20), rng.randrange(256)) for _ in range(rng.randint(1, 3))
        ]
        chosen = rng.randrange(len(files))
        for index, path in enumerate(files):
            content = bytearray(path.read_bytes())
            for place, length, value in edits if alike or index == chosen else []:
                replacing = [
                    bytes([value]),
                    b"",
                    bytes([value]) * 4,
                    bytes(content[place : place + length]) * 2,
                ]
                content[place : place + (length if length > 3 else 1)] = replacing[value % 4]
            (folder / f"{index:06d}").write_bytes(content)
        message = scanned(folder)
        assert message.isprintable() and str(tmp_path) not in message and "SECRET" not in message
        said.add(message)
        shutil.rmtree(folder)
    assert "" in said and len(said) > 10


def test_headers_are_read_in_time(hospital_ct):
    assert scanned(hospital_ct.folder) == ""
    assert scanned(hospital_ct.folder, 503, seconds=-1.0) == "Reading headers took too long."


@pytest.mark.parametrize(
    ("elements", "sentence"),
    [
        ({"NumberOfFrames": "2\x1b[2J"}, r"holds '2\x1b[2J' frames"),
        ({"SliceThickness": "<b>1\x1b[2J"}, r"Slice Thickness must be a number. Received: '<b>1\x1b[2J'"),
        ({"PixelSpacing": "1\x07\\1"}, r"Pixel Spacing must be numbers. Received: '1\x07\\1'"),
    ],
)
def test_values_are_escaped_where_they_are_shown(hospital_ct, tmp_path, elements, sentence):
    for number, path in enumerate(sorted(hospital_ct.folder.iterdir())):
        dataset = pydicom.dcmread(path)
        for keyword, value in elements.items():
            tag = pydicom.tag.Tag(keyword)
            dataset[tag] = RawDataElement(tag, "DS", len(value), value.encode(), 0, False, True)
        dataset.save_as(tmp_path / f"{number:06d}")
    assert sentence in scanned(tmp_path)
