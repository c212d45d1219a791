"""Runs exported models with ONNX Runtime and NumPy: no TensorFlow, no Keras, no training code.

Nothing is imported until a name is used. ONNX Runtime itself is imported when the first model is opened, and
highdicom when the first DICOM result is made, so that their absence can be explained.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
