"""Keras models: WGAN-GP, layer-wise autoencoder, CALM and the paper's rivals.

Importing it imports TensorFlow and Keras.
"""

from .augmentation import RandomDihedral
from .autoencoder import ConvolutionalAutoencoder
from .autoencoder_layer import ConvolutionalDecoder, LayerAutoencoder, MaskingNoise
from .autoencoder_training import train_autoencoder
from .cnn import build_cnn, train_cnn
from .decision_tree import DecisionTreeHead, fit_decision_tree
from .dense_autoencoder import build_dense_autoencoder, train_ae_baseline, train_dense_autoencoder
from .fine_tuning import fine_tune
from .gan import WGANGP, gradient_norms, gradient_penalty
from .gan_networks import build_critic, build_generator
from .gan_training import generate_patches, train_gan
from .hounsfield import HounsfieldWindow, to_hounsfield, to_unit
from .training_log import Progress, Trained, TrainingLog, image_grid

__all__ = [
    "WGANGP",
    "ConvolutionalAutoencoder",
    "ConvolutionalDecoder",
    "DecisionTreeHead",
    "HounsfieldWindow",
    "LayerAutoencoder",
    "MaskingNoise",
    "Progress",
    "RandomDihedral",
    "Trained",
    "TrainingLog",
    "build_cnn",
    "build_critic",
    "build_dense_autoencoder",
    "build_generator",
    "fine_tune",
    "fit_decision_tree",
    "generate_patches",
    "gradient_norms",
    "gradient_penalty",
    "image_grid",
    "to_hounsfield",
    "to_unit",
    "train_ae_baseline",
    "train_autoencoder",
    "train_cnn",
    "train_dense_autoencoder",
    "train_gan",
]
