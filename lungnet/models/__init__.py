"""Keras models: WGAN-GP, layer-wise autoencoder, CALM and the paper's rivals.

Importing it imports TensorFlow and Keras.
"""

from .augmentation import RandomDihedral
from .autoencoder import ConvolutionalAutoencoder
from .autoencoder_layer import ConvolutionalDecoder, LayerAutoencoder, MaskingNoise
from .autoencoder_training import train_autoencoder
from .calibration import Calibration, decision_threshold, fit_platt
from .calm import CALM
from .calm_training import train_calm
from .classifier import PatchClassifier, assemble_classifier
from .clustering_callback import CalmHistory, ClusteringCallback
from .cnn import build_cnn, train_cnn
from .decision_tree import DecisionTreeHead, fit_decision_tree
from .dense_autoencoder import build_dense_autoencoder, train_ae_baseline, train_dense_autoencoder
from .dissimilarity import dissimilarity
from .encoding import encode
from .feature_heads import train_linear_svm, train_logistic_regression, train_network
from .fine_tuning import fine_tune
from .finishing import finish_classifier
from .gan import WGANGP, gradient_norms, gradient_penalty
from .gan_networks import build_critic, build_generator
from .gan_training import generate_patches, train_gan
from .hounsfield import HounsfieldWindow, to_hounsfield, to_unit
from .image_grids import image_grid, side_by_side
from .projector import choose_patches, write_projector
from .saved_classifier import (
    ClassifierMetadata,
    LoadedClassifier,
    classifier_fingerprint,
    load_classifier,
    save_classifier,
)
from .training_log import Progress, Trained, TrainingLog

__all__ = [
    "CALM",
    "WGANGP",
    "Calibration",
    "CalmHistory",
    "ClassifierMetadata",
    "ClusteringCallback",
    "ConvolutionalAutoencoder",
    "ConvolutionalDecoder",
    "DecisionTreeHead",
    "HounsfieldWindow",
    "LayerAutoencoder",
    "LoadedClassifier",
    "MaskingNoise",
    "PatchClassifier",
    "Progress",
    "RandomDihedral",
    "Trained",
    "TrainingLog",
    "assemble_classifier",
    "build_cnn",
    "build_critic",
    "build_dense_autoencoder",
    "build_generator",
    "choose_patches",
    "classifier_fingerprint",
    "decision_threshold",
    "dissimilarity",
    "encode",
    "fine_tune",
    "finish_classifier",
    "fit_decision_tree",
    "fit_platt",
    "generate_patches",
    "gradient_norms",
    "gradient_penalty",
    "image_grid",
    "load_classifier",
    "save_classifier",
    "side_by_side",
    "to_hounsfield",
    "to_unit",
    "train_ae_baseline",
    "train_autoencoder",
    "train_calm",
    "train_cnn",
    "train_dense_autoencoder",
    "train_gan",
    "train_linear_svm",
    "train_logistic_regression",
    "train_network",
    "write_projector",
]
