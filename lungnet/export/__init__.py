"""From a SavedModel to one ONNX file that was shown to compute the same.

Nothing heavy is imported until a name is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
