"""Seconds of the autoencoder's layer-wise phase, against one that computes earlier layers again.

    python benchmarks/layerwise_speed.py [--preset standard] [--updates 5] [--turns 5]

Lungnet trains each layer on the stored output of the one before. The rivals send each batch through the
frozen earlier layers first: `keras` as one would write it with Keras (`fit`, a `train_step` that `fit`
compiles, up-sampling and then a transposed convolution), `recomputing` with lungnet's own layers, so that it
differs in nothing else. A turn makes the same number of updates of all layers on every side; turns alternate
and the first one does not count. Lungnet's seconds have the storing in them, divided by the epochs that it
serves. Prints JSON.
"""

import argparse
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from turns import machine, median, take_turns

from lungnet.config import CaeConfig
from lungnet.export import sample_patches
from lungnet.files import write_json
from lungnet.models import ConvolutionalAutoencoder, Distribution, to_unit
from lungnet.models.autoencoder_training import compile_stage, stored_output, train_stage
from lungnet.presets import load_config


class FrozenBelow(keras.Model):
    """An autoencoder of what frozen layers give of a patch, computed at every update."""

    def __init__(self, frozen: Sequence, autoencoder: keras.Model, config: CaeConfig) -> None:
        super().__init__()
        self.frozen, self.autoencoder = frozen, autoencoder
        self.compile(
            optimizer=keras.optimizers.SGD(config.learning_rate, momentum=config.momentum),
            loss="mean_squared_error",
        )

    def train_step(self, patches):
        """Updates the autoencoder."""
        maps = patches
        for layer in self.frozen:
            maps = layer(maps)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=maps, y_pred=self.autoencoder(maps, training=True))
        variables = self.autoencoder.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def with_keras(config: CaeConfig) -> list[FrozenBelow]:
    """Builds the model of each layer as one would write it with Keras."""
    models, frozen, maps = [], [], keras.Input((40, 40, 1))
    for filters, kernel in zip(config.filters, config.kernels, strict=True):
        before = keras.Input(maps.shape[1:])
        encoder = [
            layers.Conv2D(filters, kernel, activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(2),
        ]
        x = before
        decoder = [layers.UpSampling2D(2), layers.Conv2DTranspose(maps.shape[-1], kernel)]
        for layer in encoder + decoder:
            x = layer(x)
        models.append(FrozenBelow(list(frozen), keras.Model(before, x), config))
        for layer in encoder:
            maps = layer(maps)
            frozen.append(layer)
    return models


def recomputing(config: CaeConfig) -> list[FrozenBelow]:
    """Builds the same of lungnet's own layers."""
    stages = ConvolutionalAutoencoder(config, 0).stages
    return [
        FrozenBelow([below.encode for below in stages[:index]], stage, config)
        for index, stage in enumerate(stages)
    ]


def fit_all(models: list[FrozenBelow], patches: np.ndarray, batch_size: int) -> None:
    """Makes one epoch of each layer."""
    for model in models:
        model.fit(patches, batch_size=batch_size, verbose=0)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard", help="whose layers, batches and epochs")
    parser.add_argument("--updates", type=int, default=5, help="of each layer in a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of TensorFlow; all cores by default")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of processors, not of the clock")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    chosen = load_config(options.preset)
    config = chosen.cae.model_copy(update={"epochs": 1})
    patches = to_unit(sample_patches(options.updates * config.batch_size), chosen.window_hu)[..., None]

    stages = ConvolutionalAutoencoder(config, 0).stages
    inputs = [patches]
    for stage in stages:
        compile_stage(stage, config)
        inputs.append(stored_output(stage, inputs[-1]))

    def train() -> None:
        for stage, maps in zip(stages, inputs[:-1], strict=True):
            for _ in train_stage(Distribution().updates(stage), maps, config, seed=0):
                pass

    def store() -> None:
        for stage, maps in zip(stages[:-1], inputs[:-1], strict=False):
            stored_output(stage, maps)

    rivals = {"keras": with_keras(config), "recomputing": recomputing(config)}
    runs = {name: partial(fit_all, models, patches, config.batch_size) for name, models in rivals.items()}
    seconds = take_turns({"training": train, "storing": store, **runs}, options.turns, options.cpu_time)
    epochs = chosen.cae.epochs
    seconds["lungnet"] = [
        training + storing / epochs
        for training, storing in zip(seconds["training"], seconds["storing"], strict=True)
    ]
    ratios = {
        name: [rival / own for own, rival in zip(seconds["lungnet"], seconds[name], strict=True)]
        for name in rivals
    }
    result = {
        **machine(options.threads, options.cpu_time),
        "tensorflow": tf.__version__,
        "preset": options.preset,
        "epochs": epochs,
        "ms_per_update_of_all_layers": {
            name: round(1e3 * median(seconds, name) / options.updates, 1) for name in ("lungnet", *rivals)
        },
        **{f"times_as_fast_as_{name}": round(float(np.median(values)), 2) for name, values in ratios.items()},
        "ratios": {name: [round(value, 2) for value in values] for name, values in ratios.items()},
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
