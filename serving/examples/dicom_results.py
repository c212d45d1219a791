"""Writes a DICOM structured report and a segmentation of detections in LUNA16's CSV form.

python dicom_results.py CT_FOLDER detections.csv classifier.onnx report.dcm segmentation.dcm

detections.csv: seriesuid,coordX,coordY,coordZ,probability,diameter_mm (LPS, mm).
"""

import sys

from lungnet.ct import read_candidates
from lungnet.hashing import file_sha256
from lungnet.serving import (
    Detection,
    ModelFacts,
    NoduleClassifier,
    read_source,
    write_seg,
    write_sr,
)

ct_folder, detections_file, model_file, report_file, segmentation_file = sys.argv[1:]
classifier = NoduleClassifier(model_file)
model = ModelFacts(
    name=f"lungnet {classifier.metadata['row']}",
    version=classifier.metadata["lungnet_version"],
    sha256=file_sha256(model_file),
    threshold=classifier.threshold,
    task=classifier.task,
)
found = [
    Detection(one.center_xyz_lps_mm, one.diameter_mm or 0.0, one.probability, one.series_uid)
    for one in read_candidates(detections_file)
    if one.probability is not None and one.probability >= classifier.threshold
]
series = read_source(ct_folder)  # headers are read once for both
write_sr(report_file, series, found, model)
if found:
    write_seg(segmentation_file, series, found, model)
print(f"{len(found)} findings of {model.name} reported")
