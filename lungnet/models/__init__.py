"""Keras models: WGAN-GP, layer-wise autoencoder, CALM and the paper's rivals.

Nothing is imported until a name is used; then TensorFlow and Keras are, and the modules behind that name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
