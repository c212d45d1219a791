"""Runs exported models with ONNX Runtime and NumPy: no TensorFlow, no Keras, no training code.

ONNX Runtime itself is imported when the first model is opened, so that its absence can be explained.
"""

from lungnet.serving.candidates import predict_candidates
from lungnet.serving.classifier import NoduleClassifier, Prediction

__all__ = ["NoduleClassifier", "Prediction", "predict_candidates"]
