import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lungnet.config import ScanConfig
from lungnet.ct import format_candidates, read_candidates, read_series
from lungnet.errors import InputError
from lungnet.serving import CTScanner, Detection, detections_json
from tests.serving.conftest import NODULES_ZYX, SCANNER_PROPERTIES, build_chest, build_scanner


def found(volume, detections):
    """Distance in mm from each nodule to the nearest detection."""
    places = np.array([detection.center_xyz_lps_mm for detection in detections])
    return [np.linalg.norm(places - volume.index_to_world(n), axis=1).min() for n in NODULES_ZYX]


@pytest.mark.parametrize("config", [{}, {"stride_px": 4}, {"second_look": "max"}, {"second_look": "off"}])
def test_nodules_are_found_where_they_are_and_nothing_else(chest, scanner_file, config):
    scanner = CTScanner(scanner_file, ScanConfig(**config))
    detections = scanner.scan(chest)
    assert len(detections) == 2
    assert max(found(chest, detections)) < 4.0
    for detection in detections:
        assert detection.series_uid == "2.25.77"
        assert 0.4375 <= detection.probability <= 1.0  # the model's own threshold
        np.testing.assert_allclose(chest.index_to_world(detection.center_zyx), detection.center_xyz_lps_mm)
        assert detection.extent_mm is not None
        assert 3.0 <= detection.extent_mm[0] <= 18.0
        assert detection.diameter_mm == pytest.approx(np.prod(detection.extent_mm) ** (1 / 3))
    assert detections[0].probability >= detections[1].probability


def test_a_lung_without_nodules_has_no_detections(chest, scanner_file):
    hu = chest.hu.copy()
    inside = (hu > -300) & (np.indices(hu.shape)[0] >= 0)
    for z, y, x in NODULES_ZYX:
        hu[z - 3 : z + 4, y - 6 : y + 7, x - 6 : x + 7][
            inside[z - 3 : z + 4, y - 6 : y + 7, x - 6 : x + 7]
        ] = -850
    assert CTScanner(scanner_file).scan(replace(chest, hu=hu)) == []


def test_thresholds(chest, scanner_file):
    scanner = CTScanner(scanner_file)
    highest = max(detection.probability for detection in scanner.scan(chest))
    assert CTScanner(scanner_file, ScanConfig(threshold=min(1.0, highest + 1e-6))).scan(chest) == []
    assert CTScanner(scanner_file, ScanConfig(threshold=0.2)).threshold == 0.2
    assert scanner.threshold == 0.4375
    many = CTScanner(scanner_file, ScanConfig(threshold=0.0, response_threshold=0.0)).scan(chest)
    assert len(many) > 2
    few = ScanConfig(threshold=0.0, response_threshold=0.0, max_candidates=3)
    assert len(CTScanner(scanner_file, few).scan(chest)) == 3


def test_another_orientation_finds_the_same_places(chest, scanner_file):
    """A series that runs feet first, its rows and columns turned: positions in the patient stay."""
    turned = replace(
        chest,
        hu=np.ascontiguousarray(chest.hu[::-1, ::-1]),
        origin_xyz_lps_mm=tuple(chest.index_to_world((len(chest.hu) - 1, chest.hu.shape[1] - 1, 0))),
        direction=chest.direction * (1, -1, -1),
    )
    detections = CTScanner(scanner_file).scan(turned)
    assert len(detections) == 2
    assert max(found(chest, detections)) < 4.0


def test_heat_map_and_detections_can_be_had_one_after_the_other(chest, scanner_file):
    scanner = CTScanner(scanner_file)
    heat_map = scanner.heat_map(chest)
    assert scanner.detect(chest, heat_map) == scanner.scan(chest)


def test_batches_do_not_change_the_result(chest, scanner_file):
    one, many = (CTScanner(scanner_file, batch_slices=n, threads=1).scan(chest) for n in (1, 50))
    np.testing.assert_allclose(
        [d.center_xyz_lps_mm for d in one], [d.center_xyz_lps_mm for d in many], atol=1e-4
    )


def write(path, **changes):
    path.write_bytes(build_scanner({**SCANNER_PROPERTIES, **changes}).SerializeToString())
    return path


def test_a_model_of_another_task_is_refused(tmp_path):
    path = write(tmp_path / "scanner.onnx", task="malignancy")
    with pytest.raises(InputError, match=r"was trained for the task 'malignancy': expected .* 'nodule'"):
        CTScanner(path)


def test_a_stride_that_does_not_divide_the_model_s_is_refused(tmp_path):
    path = tmp_path / "scanner.onnx"
    path.write_bytes(build_scanner({**SCANNER_PROPERTIES, "stride": "4"}, stride=4).SerializeToString())
    with pytest.raises(InputError, match=r"A stride of 8 px does not divide the 4 px of .*scanner\.onnx"):
        CTScanner(path)
    assert CTScanner(path, ScanConfig(stride_px=2)).config.stride_px == 2


def test_no_batch_is_refused(scanner_file):
    with pytest.raises(ValueError, match="batch_slices must be at least 1"):
        CTScanner(scanner_file, batch_slices=0)


def test_too_few_slices_and_no_lungs_are_refused(chest, scanner_file):
    scanner = CTScanner(scanner_file)
    with pytest.raises(InputError, match="has 2 slice"):
        scanner.scan(build_chest(slices=2))
    with pytest.raises(InputError, match="No lungs were found"):
        scanner.scan(replace(chest, hu=np.full_like(chest.hu, 40)))


def test_detections_travel_as_csv_and_json(tmp_path):
    detection = Detection((1.25, -2.5, 0.1 + 0.2), 6.5, 0.75, "1.2.3", (3.0, 4.0, 5.5), (3.0, 8.4, 11.2))
    path = tmp_path / "detections.csv"
    path.write_text(format_candidates([detection.candidate()]))
    (candidate,) = read_candidates(path)
    assert candidate.center_xyz_lps_mm == detection.center_xyz_lps_mm
    assert (candidate.series_uid, candidate.probability) == ("1.2.3", 0.75)

    described = detections_json([detection], {**SCANNER_PROPERTIES, "fingerprint": "f"}, {"stride_px": 8})
    described = json.loads(json.dumps(described))
    assert described["detections"] == [
        {
            "series_uid": "1.2.3",
            "center_xyz_lps_mm": [1.25, -2.5, 0.1 + 0.2],
            "center_zyx": [3.0, 4.0, 5.5],
            "diameter_mm": 6.5,
            "probability": 0.75,
            "extent_mm": [3.0, 8.4, 11.2],
        }
    ]
    assert described["frame"] == "LPS, mm"
    assert described["model"] == {
        "fingerprint": "f",
        "lungnet_version": "0.1.0",
        "row": "gan_cae_calm",
        "task": "nodule",
    }
    assert described["intended_use"] == "research, not for diagnosis"
    assert described["scan"] == {"stride_px": 8}


def test_a_real_ct(lungnet_data, scanner_file):
    """The filter answers to round things of 8 mm: it must say so of a few places in the lung, in order."""
    volume = read_series(lungnet_data / "lidc" / "LIDC-IDRI-0003")
    detections = CTScanner(scanner_file, ScanConfig(max_candidates=20)).scan(volume)
    assert 1 <= len(detections) <= 20
    zyx = np.rint(volume.world_to_index([one.center_xyz_lps_mm for one in detections])).astype(int)
    assert ((zyx >= 0) & (zyx < volume.hu.shape)).all()
    assert len({detection.center_zyx for detection in detections}) == len(detections)


def test_a_fresh_process_needs_no_training_code(scanner_file):
    code = (
        "import sys, numpy as np; from lungnet.serving import CTScanner; "
        "assert 'onnxruntime' not in sys.modules; "
        f"CTScanner({str(scanner_file)!r}); "
        "training = {'tensorflow', 'keras', 'sklearn', 'onnx', 'tf2onnx', 'matplotlib', 'skimage'}; "
        "assert not training & set(sys.modules), training & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
