"""Keras models: WGAN-GP, layer-wise autoencoder, CALM and the paper's rivals.

Importing it imports TensorFlow and Keras.
"""

from .augmentation import RandomDihedral
from .gan import WGANGP, gradient_norms, gradient_penalty
from .gan_networks import build_critic, build_generator
from .gan_training import generate_patches, train_gan
from .hounsfield import HounsfieldWindow, to_hounsfield, to_unit
from .training_log import Progress, Trained, TrainingLog, image_grid

__all__ = [
    "WGANGP",
    "HounsfieldWindow",
    "Progress",
    "RandomDihedral",
    "Trained",
    "TrainingLog",
    "build_critic",
    "build_generator",
    "generate_patches",
    "gradient_norms",
    "gradient_penalty",
    "image_grid",
    "to_hounsfield",
    "to_unit",
    "train_gan",
]
