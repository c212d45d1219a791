import re

import numpy as np
import pytest

from lungnet.ct import find_series
from lungnet.errors import InputError
from lungnet.lidc import find_reader_xml, find_scan, read_reader_xml, scan_of_series

NAMESPACE = ' xmlns="http://www.nih.gov"'
RATINGS = "<subtlety>5</subtlety><internalStructure>1</internalStructure><malignancy>4</malignancy>"
EDGES = "".join(
    f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in ((10, 20), (14, 20), (12, 25))
)


def _roi(z="2.0", inclusion="TRUE", edges=EDGES):
    return f"<roi><imageZposition> {z} </imageZposition><inclusion>{inclusion}</inclusion>{edges}</roi>"


def _nodule(*rois, characteristics=RATINGS):
    return (
        "<unblindedReadNodule><noduleID>Nodule 007</noduleID>"
        f"<characteristics>{characteristics}</characteristics>{''.join(rois)}</unblindedReadNodule>"
    )


def _message(*nodules, uid="1.2.3.4", namespace=NAMESPACE, before=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<LidcReadMessage{namespace}><ResponseHeader>'
        f"<SeriesInstanceUid>{uid}</SeriesInstanceUid></ResponseHeader><readingSession>"
        f"{''.join(nodules)}</readingSession></LidcReadMessage>"
    )


@pytest.fixture
def read(tmp_path, make_scan):
    def read_text(text, **fields):
        path = tmp_path / "069.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_reader_xml(path, make_scan(**fields))

    return read_text


def _contours(annotations):
    return sorted(
        (annotation.ratings, contour.z_mm, contour.inclusion, contour.points_xy.tolist())
        for annotation in annotations
        for contour in annotation.contours
    )


@pytest.mark.parametrize(("patient", "contours"), [("LIDC-IDRI-0001", 32), ("LIDC-IDRI-0003", 76)])
def test_xml_and_database_agree_contour_by_contour(lungnet_data, patient, contours):
    (series,) = find_series(lungnet_data / "lidc" / patient)
    known = find_scan(series.series_uid)
    assert known is not None
    scan, from_database = known
    path = find_reader_xml(series)
    assert path is not None
    # Once placed by the database's slice positions, once by those in the DICOM headers.
    for placed_by in (scan, scan_of_series(series)):
        from_xml = read_reader_xml(path, placed_by)
        assert _contours(from_xml) == _contours(from_database)
        assert len(_contours(from_xml)) == contours
        assert [a.annotation_id for a in from_xml] == list(range(1, len(from_database) + 1))


@pytest.mark.parametrize("namespace", ["", NAMESPACE, ' xmlns="urn:other"'])
def test_one_nodule_by_hand(read, namespace):
    (annotation,) = read(_message(_nodule(_roi("2.0"), _roi("0.4", "false")), namespace=namespace))
    assert annotation.annotation_id == 1
    assert annotation.ratings == (5, 1, 0, 0, 0, 0, 0, 0, 4)
    first, second = annotation.contours
    assert (first.z_mm, first.inclusion) == (0.0, False)  # the slice nearest to 0.4
    assert (second.z_mm, second.inclusion) == (2.0, True)
    assert second.points_xy.dtype == np.int32
    assert second.points_xy.tolist() == [[10, 20], [14, 20], [12, 25]]


def test_small_nodules_and_non_nodules_are_left_out(read):
    point = "<edgeMap><xCoord>3</xCoord><yCoord>4</yCoord></edgeMap>"
    other = "<nonNodule><nonNoduleID>9</nonNoduleID><imageZposition>2.0</imageZposition></nonNodule>"
    small = _nodule(_roi(edges=point), characteristics="")
    annotations = read(_message(small, other, _nodule(_roi()), small, _nodule(_roi())))
    assert [annotation.annotation_id for annotation in annotations] == [1, 2]
    assert read(_message(small)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "069.xml is not well-formed XML"),
        (_message(_nodule(_roi()))[:-30], "069.xml is not well-formed XML"),
        ("<html></html>", "expected <LidcReadMessage>. Received: <html>"),
        (_message(uid="9.9"), "expected SeriesInstanceUid 1.2.3.4. Received: 9.9"),
        (_message(uid=""), "expected SeriesInstanceUid 1.2.3.4. Received: none"),
        (_message(_nodule(_roi("up"))), "nodule Nodule 007: imageZposition must be a number. Received: 'up'"),
        (_message(_nodule(_roi("nan"))), "on no slice of the series"),
        (_message(_nodule(_roi("31"))), "slices span z = -10 to 28 mm. Received: imageZposition=31"),
        (_message(_nodule(_roi(inclusion="maybe"))), "inclusion must be TRUE or FALSE. Received: 'MAYBE'"),
        (_message(_nodule(_roi(edges=""))), "a roi has no edgeMap"),
        (_message(_nodule(_roi(edges=EDGES.replace("14", "14.5")))), "must be whole pixels"),
        (_message(_nodule(_roi(edges=EDGES.replace("14", "-4")))), "must be whole pixels"),
        (
            _message(_nodule(_roi(), characteristics="<texture>9</texture>")),
            "texture must be a rating from 1 to 6. Received: '9'",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(read, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        read(text)


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE LidcReadMessage>",
        '<!DOCTYPE LidcReadMessage [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE LidcReadMessage SYSTEM "file:///etc/passwd">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused(read, before, encoding):
    text = _message(_nodule(_roi()), before=before).replace("UTF-8", encoding)
    with pytest.raises(InputError, match="declares a document type"):
        read(text.encode(encoding))


def test_a_missing_file_is_one_sentence(tmp_path, make_scan):
    with pytest.raises(InputError, match=r"none\.xml cannot be read: No such file"):
        read_reader_xml(tmp_path / "none.xml", make_scan())
