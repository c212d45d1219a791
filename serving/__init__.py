"""Runs exported models with ONNX Runtime and NumPy: no TensorFlow, no Keras, no training code.

ONNX Runtime itself is imported when the first model is opened, and highdicom when the first DICOM result is
made, so that their absence can be explained.
"""

from lungnet.serving.candidates import predict_candidates
from lungnet.serving.classifier import NoduleClassifier, Prediction
from lungnet.serving.ct_scanner import CTScanner
from lungnet.serving.detection import Detection, detections_json
from lungnet.serving.dicom_results import seg_dataset, sr_dataset, write_seg, write_sr
from lungnet.serving.dicom_source import SourceSeries, read_source
from lungnet.serving.heat_map import HeatMap, write_heat_map
from lungnet.serving.model_facts import ModelFacts, file_sha256
from lungnet.serving.scan_grid import ScanGrid
from lungnet.serving.slice_scanner import SliceScanner

__all__ = [
    "CTScanner",
    "Detection",
    "HeatMap",
    "ModelFacts",
    "NoduleClassifier",
    "Prediction",
    "ScanGrid",
    "SliceScanner",
    "SourceSeries",
    "detections_json",
    "file_sha256",
    "predict_candidates",
    "read_source",
    "seg_dataset",
    "sr_dataset",
    "write_heat_map",
    "write_seg",
    "write_sr",
]
