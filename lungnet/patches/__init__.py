"""40 x 40 axial patches: sampling from CT or arrays, TFRecords, balance, summaries and checks (section 6).

Importing this package imports no TensorFlow; the names that read and write TFRecords do.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
