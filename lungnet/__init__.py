"""lungnet: lung CT to an ONNX nodule classifier.

Importing the package is instant: TensorFlow, matplotlib and scikit-learn are imported by the
modules that need them, when they are used.
"""

__version__ = "0.1.0"
