import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom

EXAMPLES = Path(__file__).resolve().parents[2] / "serving" / "examples"


def test_python_example_runs_without_lungnet(classifier_file, tmp_path):
    patches = tmp_path / "patches.npy"
    np.save(patches, np.array([-1000, 500], np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16))
    example = EXAMPLES / "python_onnxruntime.py"

    # -I: neither the current folder nor PYTHONPATH can lend it anything.
    result = subprocess.run(
        [sys.executable, "-I", example, classifier_file, patches], capture_output=True, text=True, check=True
    )

    assert "lungnet" not in example.read_text().split('"""')[2]
    (low, *low_words), (high, *high_words) = map(str.split, result.stdout.splitlines())
    assert low_words == ["negative", "cluster", "0"] and high_words == ["positive", "cluster", "1"]
    # The logistic function of -1 and of 1.5.
    np.testing.assert_allclose([float(low), float(high)], [0.2689414, 0.8175745], atol=2e-7)


def test_dicom_example_reports_what_is_above_the_threshold(
    classifier_file, hospital_ct, hospital_detections, tmp_path
):
    rows = ["seriesuid,coordX,coordY,coordZ,probability,diameter_mm"]
    for one in hospital_detections:  # probabilities 1/3 and 0.9375 at a threshold of 0.4375
        values = (*one.center_xyz_lps_mm, one.probability, one.diameter_mm)
        rows.append(",".join([one.series_uid, *map(repr, values)]))
    (tmp_path / "found.csv").write_text("\n".join(rows), encoding="utf-8")
    outputs = [tmp_path / "report.dcm", tmp_path / "segmentation.dcm"]

    result = subprocess.run(
        [
            *(sys.executable, EXAMPLES / "dicom_results.py"),
            *(hospital_ct.folder, tmp_path / "found.csv", classifier_file, *outputs),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == "1 findings of lungnet gan_cae_calm reported\n"
    assert result.stderr == ""
    report, segmentation = map(pydicom.dcmread, outputs)
    assert report.DeviceSerialNumber == hashlib.sha256(classifier_file.read_bytes()).hexdigest()
    assert len(segmentation.SegmentSequence) == 1
