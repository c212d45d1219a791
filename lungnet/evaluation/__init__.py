"""How good a classifier is, on which patients, and how sure one can be of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
