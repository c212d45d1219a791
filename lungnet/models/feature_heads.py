"""The rivals of CALM that see the same features (Table 1): plain network, logistic regression, linear SVM.

Each is a Keras model from features `(b, d)` to one logit `(b,)`, so that all are saved and exported alike.
"""

import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from lungnet.config import CalmConfig
from lungnet.hashing import stable_id
from lungnet.models.calm_training import compile_classifier
from lungnet.models.checkpoints import Checkpoints, training_id
from lungnet.models.early_stopping import no_longer_improves
from lungnet.models.feature_batches import gathered_batches
from lungnet.models.feature_checks import check_feature_splits, check_features
from lungnet.models.feature_network import FeatureNetwork
from lungnet.models.head_seed import head_seed
from lungnet.models.training_log import Progress, Trained, TrainingLog
from lungnet.models.training_state import BestWeights, SaveCheckpoint, Variables

#: Passes after which the linear solvers give up; they stop by themselves long before on real features.
_MAX_PASSES = 5000
#: Epochs of the network from one checkpoint to the next.
CHECKPOINT_EPOCHS = 5


class _Epochs(keras.callbacks.Callback):
    """Orders the samples of each epoch, reports it, and puts back the weights of the best one."""

    def __init__(
        self, count: int, config: CalmConfig, epochs: int, seed: int, best: BestWeights, log: TrainingLog
    ) -> None:
        super().__init__()
        self.count, self.steps, self.epochs = count, -(-count // config.batch_size), epochs
        self.early_stopping = config.early_stopping
        self.seed, self.best, self.log = seed, best, log
        self.epoch = 0

    @property
    def has_ended(self) -> bool:
        return no_longer_improves(self.log.history.get("validation_loss", ()), self.early_stopping)

    def rows(self) -> Iterator[npt.NDArray[np.int64]]:
        rng = np.random.default_rng([self.seed, stable_id("network batches", self.epoch)])
        yield from np.array_split(rng.permutation(self.count), self.steps)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        curves = {"loss": logs["cross_entropy"], "accuracy": logs["accuracy"]}
        if "val_loss" in logs:
            curves["validation_loss"] = logs["val_cross_entropy"]
            curves["validation_accuracy"] = logs["val_accuracy"]
            self.best.offer(-curves["validation_loss"])
        self.log.scalars(epoch + 1, curves)
        text = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in curves.items())
        self.log.progress(epoch + 1, self.epochs, text)
        if self.has_ended:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.best.put_back()


def train_network(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    validation_features: npt.ArrayLike | None = None,
    validation_labels: npt.ArrayLike | None = None,
    config: CalmConfig | None = None,
    epochs: int = 150,
    seed: int = 0,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains the network of section 5.3 without clusters: same layers, optimiser and batches as CALM.

    Args:
        features: `(n, d)` of training.
        labels: `(n,)` of 0 and 1.
        validation_features, validation_labels: inner validation; the epoch of the least cross entropy on
            it is kept, without it the last one.
        config: of network and optimiser, whose rate falls from epoch to epoch as CALM's does; what
            concerns clusters is ignored.
        epochs: passes over the training features (`BaselineConfig.nn_epochs`).
        seed: of weights and order, together with `config.head_seed`.
        tensorboard_dir: folder for scalars, or `None`.
        progress: called as `progress(epochs_done, epochs, text)`.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.

    Returns:
        The model, features `(b, d)` to logit `(b,)`, and its curves.

    Raises:
        InputError: fewer samples than a batch, one class only, values that are not finite, or
            validation features of another width.
    """
    config = config or CalmConfig()
    seed = head_seed(config, seed)
    (x, y), validation = check_feature_splits(
        features, labels, validation_features, validation_labels, config.batch_size
    )
    head = FeatureNetwork(config, x.shape[1], seed)
    if config.standardise:
        head.network.adapt(x)
    inputs = keras.Input((x.shape[1],))
    trained = keras.Model(inputs, keras.layers.Softmax()(head.network(inputs)))
    compile_classifier(trained, config, -(-len(x) // config.batch_size))
    with TrainingLog(tensorboard_dir, progress, "gan_cae_nn") as log:
        best = BestWeights(trained)
        checkpoints = Checkpoints(
            checkpoint_dir,
            training_id("network", [x, y, *(validation or ())], config=config, epochs=epochs, seed=seed),
            {"variables": Variables(trained, trained.optimizer), "best": best, "log": log},
        )
        done = checkpoints.resume()
        callback = _Epochs(len(x), config, epochs, seed, best, log)
        trained.fit(
            gathered_batches(x, y, callback.rows, callback.steps),
            initial_epoch=epochs if callback.has_ended else done,
            epochs=epochs,
            shuffle=False,  # the dataset is in its order already
            validation_data=validation,
            validation_batch_size=1024,
            callbacks=[callback, SaveCheckpoint(checkpoints, CHECKPOINT_EPOCHS)],
            verbose=0,
        )
    return Trained(head, log.history)


def _linear_head(kernel: npt.NDArray[Any], intercept: float, scaler: StandardScaler) -> keras.Model:
    """Returns a linear decision on standardised features as one on raw features."""
    weights = kernel / scaler.scale_
    bias = intercept - float(scaler.mean_ @ weights)
    inputs = keras.Input((len(weights),), name="features")
    dense = keras.layers.Dense(1, name="decision")
    model = keras.Model(inputs, keras.layers.Reshape(())(dense(inputs)))
    dense.set_weights([weights[:, None], np.array([bias])])
    return model


def train_logistic_regression(features: npt.ArrayLike, labels: npt.ArrayLike, c: float = 1.0) -> keras.Model:
    """Fits scikit-learn's logistic regression on standardised features (row GAN+CAE+LR).

    Args:
        features: `(n, d)` of training.
        labels: `(n,)` of 0 and 1.
        c: inverse strength of the L2 regularisation (`BaselineConfig.lr_c`).

    Returns:
        A Keras model, features `(b, d)` to log odds `(b,)`, with the standardisation folded in.

    Raises:
        InputError: one class only, or values that are not finite.
    """
    x, y = check_features(features, labels)
    scaler = StandardScaler().fit(x.astype(np.float64))
    fitted = LogisticRegression(C=c, max_iter=_MAX_PASSES).fit(scaler.transform(x.astype(np.float64)), y)
    return _linear_head(fitted.coef_[0], float(fitted.intercept_[0]), scaler)


def train_linear_svm(
    features: npt.ArrayLike, labels: npt.ArrayLike, c: float = 1.0, seed: int = 0
) -> keras.Model:
    """Fits scikit-learn's linear SVM on standardised features (row GAN+CAE+SVM).

    Args:
        features: `(n, d)` of training.
        labels: `(n,)` of 0 and 1.
        c: inverse strength of the regularisation (`BaselineConfig.svm_c`).
        seed: of the dual solver, which is used where there are more features than samples.

    Returns:
        A Keras model, features `(b, d)` to the signed distance from the margin `(b,)`, with the
        standardisation folded in.

    Raises:
        InputError: one class only, or values that are not finite.
    """
    x, y = check_features(features, labels)
    scaler = StandardScaler().fit(x.astype(np.float64))
    solver = LinearSVC(C=c, dual="auto", max_iter=_MAX_PASSES, random_state=seed % 2**32)
    fitted = solver.fit(scaler.transform(x.astype(np.float64)), y)
    return _linear_head(fitted.coef_[0], float(fitted.intercept_[0]), scaler)
