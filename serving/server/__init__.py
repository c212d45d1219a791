"""Models over HTTP: the KServe v2 protocol (Open Inference Protocol). Needs the extra `server`.

Nothing is imported until a name is used, so that the absence of FastAPI can be explained.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
