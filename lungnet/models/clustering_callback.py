"""The Keras callback that clusters while CALM learns (section 5.3, Algorithm 2)."""

import logging
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.models.calm import CALM
from lungnet.models.calm_history import CalmHistory, IntraClusterVariance
from lungnet.models.cluster_centers import (
    Clustering,
    choose_centers,
    initial_centers,
    out_of_bag_error,
)
from lungnet.models.dissimilarity import clustering_objective, dissimilarity
from lungnet.models.distribution import Distribution
from lungnet.models.early_stopping import no_longer_improves
from lungnet.models.feature_batches import gathered_batches
from lungnet.models.packed_states import State
from lungnet.models.training_log import TrainingLog
from lungnet.models.training_state import listed, numbered

logger = logging.getLogger(__name__)


class ClusteringCallback(keras.callbacks.Callback):
    """Keras callback that clusters the training features anew after each epoch of a `CALM`.

    After an epoch: importance from FC1, a forest that chooses the centres, the new assignment, and a
    new centre for an emptied cluster. Training stops once the assignment has not changed for
    `config.patience` epochs, or validation has not improved for `config.early_stopping` ones. In the end the
    model holds network, centres and importance of one and the same epoch: that of the least validation loss
    (with `config.keep` "settled" among those that trained with the last assignment), or the last one where
    `fit` has no validation data.

    `dataset` gives the training batches; `fit` must be called with it, since batches follow the
    assignment. A loss that is not finite ends `fit` with an `InputError`.

    Args:
        features: float32 `(n, d)` of training.
        config: the model's configuration.
        seed: of initial centres, forest and order of samples.
        log: takes the curves and the progress, or `None`.
        distribution: where the model is trained; the chief alone clusters. One device by default.

    Attributes:
        assignment: int64 `(n,)`, present cluster of each training sample.
        history: `CalmHistory`.

    Example:
        callback = ClusteringCallback(features, config)
        model.fit(callback.dataset(labels), epochs=config.max_iterations, callbacks=[callback])
    """

    def __init__(
        self,
        features: npt.NDArray[np.float32],
        config: CalmConfig | None = None,
        seed: int = 0,
        log: TrainingLog | None = None,
        distribution: Distribution | None = None,
    ) -> None:
        super().__init__()
        self.features, self.config, self.seed = features, config or CalmConfig(), seed
        self._log, self._distribution = log or TrainingLog(), distribution or Distribution()
        self.assignment = np.zeros(len(features), np.int64)
        self.history = CalmHistory()
        self._epoch = self._unchanged = 0
        self._kept: tuple[list[Any], npt.NDArray[np.int64]] | None = None
        self._errors: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]] | None = None
        self._goes_on = False
        self._variance = IntraClusterVariance(features)

    @property
    def has_ended(self) -> bool:
        """Whether the clustering has converged, or validation no longer improves (`early_stopping`)."""
        losses, patience = self.history.validation_loss, self.config.early_stopping
        return self.history.converged or no_longer_improves(losses, patience)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch: as many as any assignment can need, so that all epochs are alike."""
        return len(self.features) // self.config.batch_size + self.config.clusters

    def batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yields the rows of each batch of the present epoch: cluster after cluster, never mixed.

        A cluster's members are shuffled and parted into batches of nearly equal size, at most
        `config.batch_size`. What `steps_per_epoch` has to spare goes to the largest cluster.
        """
        rng = np.random.default_rng([self.seed, stable_id("calm batches", self._epoch)])
        sizes = np.bincount(self.assignment, minlength=self.config.clusters)
        parts = -(-sizes // self.config.batch_size)
        parts[np.argmax(sizes)] += self.steps_per_epoch - parts.sum()
        for cluster, count in enumerate(parts):
            if count:
                members = rng.permutation(np.flatnonzero(self.assignment == cluster))
                yield from np.array_split(members, count)

    def dataset(self, labels: npt.NDArray[np.int64]) -> Any:
        """Returns a `tf.data.Dataset` of (features, labels) whose every pass follows the assignment."""
        return gathered_batches(self.features, labels, self.batches, self.steps_per_epoch)

    def on_train_begin(self, logs: Any = None) -> None:
        """Draws the initial centres and assigns the samples to them (Algorithm 2, step 1).

        After `restore` the training that was interrupted goes on instead.
        """
        if not isinstance(self.model, CALM):
            raise TypeError(f"ClusteringCallback trains a CALM. Received: {type(self.model).__name__}")
        if self._goes_on:
            self._goes_on = False
            return
        self.history, self._unchanged, self._kept = CalmHistory(), 0, None
        if self._distribution.is_chief:
            centers = initial_centers(self.features, self.config.clusters, self.seed)
            self.model.set_clusters(centers, self.model.network_importance())
            self.assignment = self._assign()
        self._take_over()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remembers the epoch, which the order of samples depends on."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Records the epoch, keeps it if it is the best so far, and clusters anew."""
        if self._distribution.is_chief:
            self._end_epoch(logs or {})
        self._take_over()

    def _end_epoch(self, logs: dict[str, float]) -> None:
        history = self.history
        self._record(logs)
        rivals = history.validation_loss
        if self.config.keep == "settled":
            rivals = rivals[-(self._unchanged + 1) :]
        if not rivals or rivals[-1] <= min(rivals):
            self._kept = (self.model.get_weights(), self.assignment)
            history.kept_iteration = len(history.loss)
        before = self.assignment
        self._cluster()
        changed = float(np.mean(before != self.assignment))
        history.changed.append(changed)
        self._unchanged = self._unchanged + 1 if changed == 0.0 else 0
        history.converged = self._unchanged >= self.config.patience
        if self.has_ended:
            self.model.stop_training = True
        self._report()

    def _take_over(self) -> None:
        """Takes on what the chief made of the epoch: by rounding, others might cluster another way."""
        model = self.model
        states = self._distribution.from_chief(
            lambda: {
                "clustering": self.state(),
                "clusters": {"centers": model.centers.numpy(), "importance": model.importance.numpy()},
            }
        )
        if states is not None:
            self.restore(states["clustering"])
            self._goes_on = False
            model.set_clusters(**states["clusters"])
            if self.has_ended:
                model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Puts network, centres, importance and assignment of the kept iteration back."""
        if self._kept is not None:
            weights, self.assignment = self._kept
            self.model.set_weights(weights)

    def state(self) -> State:
        """Returns what a checkpoint needs besides the model: assignment, history, and what is kept."""
        weights, kept_assignment = self._kept or ([], np.empty(0, np.int64))
        return {
            "assignment": self.assignment,
            "history": self.history.to_dict(),
            "unchanged": self._unchanged,
            "kept_assignment": kept_assignment,
            **numbered(weights),
        }

    def restore(self, state: State) -> None:
        """Takes on what `state` gave; the next `fit` goes on from there if an epoch had ended."""
        self.assignment = state["assignment"]
        self.history = CalmHistory(**state["history"])
        self._unchanged = state["unchanged"]
        weights = listed(state)
        self._kept = (weights, state["kept_assignment"]) if weights else None
        self._goes_on = bool(self.history.loss)

    def _record(self, logs: dict[str, float]) -> None:
        history = self.history
        loss = float(logs.get("cross_entropy", logs.get("loss", 0.0)))
        if not np.isfinite(loss):
            raise InputError(
                f"CALM diverged: the loss of iteration {len(history.loss) + 1} is {loss}; expected a finite "
                "number. Try a lower learning_rate."
            )
        history.loss.append(loss)
        if "accuracy" in logs:
            history.accuracy.append(float(logs["accuracy"]))
        if "val_loss" in logs:
            history.validation_loss.append(float(logs.get("val_cross_entropy", logs["val_loss"])))
        if "val_accuracy" in logs:
            history.validation_accuracy.append(float(logs["val_accuracy"]))
        sizes = np.bincount(self.assignment, minlength=self.config.clusters)
        history.cluster_sizes.append(sizes.tolist())
        history.intra_cluster_variance.append(self._variance(self.assignment))

    def _assign(self) -> npt.NDArray[np.int64]:
        return np.asarray(keras.ops.convert_to_numpy(self.model.cluster(self.features)))

    def _cluster(self) -> None:
        """Moves importance, centres and assignment (Algorithm 2, steps 2 and 3)."""
        model, keep = self.model, self.config.importance_smoothing
        importance = model.network_importance()
        if keep:
            importance = keep * keras.ops.convert_to_numpy(model.importance) + (1.0 - keep) * importance
        centers = self._next_centers(importance)
        model.set_clusters(centers, importance)
        self.assignment = self._assign()
        for _ in range(self.config.clusters - 1):
            if not self._reseed(centers, importance):
                break

    def _next_centers(self, importance: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Chooses centres; all stay where one cluster has everything and a forest nothing to tell apart."""
        present = keras.ops.convert_to_numpy(self.model.centers)
        if len(np.unique(self.assignment)) < 2:
            self.history.objective_change.append(0.0)
            return present.copy()
        now = Clustering(self.features, self.assignment, self._forest_errors(), present, importance)
        seed = stable_id(self.seed, "calm centre", len(self.history.loss))
        centers = choose_centers(now, self.config, seed)
        before, after = (clustering_objective(self.features, c, importance) for c in (present, centers))
        self.history.objective_change.append((after - before) / abs(before) if before else 0.0)
        return centers

    def _forest_errors(self) -> npt.NDArray[np.float64]:
        """Grows a forest, unless it would be the last one over again."""
        if self._errors is None or not np.array_equal(self._errors[0], self.assignment):
            seed = stable_id(self.seed, "calm forest")
            error = out_of_bag_error(self.features, self.assignment, self.config, seed)
            self._errors = (self.assignment, error)
        return self._errors[1]

    def _reseed(self, centers: npt.NDArray[Any], importance: npt.NDArray[Any]) -> bool:
        """Gives one emptied cluster the sample farthest from its centre; false if there is none to do."""
        sizes = np.bincount(self.assignment, minlength=self.config.clusters)
        if sizes.all():
            return False
        own = dissimilarity(self.features, centers, importance)[
            np.arange(len(self.features)), self.assignment
        ]
        farthest, empty = int(np.argmax(own)), int(np.argmin(sizes))
        if own[farthest] <= 0.0:
            return False
        centers[empty] = self.features[farthest]
        self.model.set_clusters(centers, importance)
        self.assignment = self._assign()
        iteration = len(self.history.loss)
        self.history.reseeded.append(iteration)
        logger.info("Iteration %d: cluster %d was empty and got a new centre.", iteration, empty)
        return True

    def _report(self) -> None:
        history = self.history
        done = len(history.loss)
        curves = {
            "loss": history.loss,
            "accuracy": history.accuracy,
            "validation_loss": history.validation_loss,
            "validation_accuracy": history.validation_accuracy,
            "changed": history.changed,
            "objective_change": history.objective_change,
            "intra_cluster_variance": history.intra_cluster_variance,
        }
        last = {name: values[-1] for name, values in curves.items() if values}
        sizes = {f"cluster_{index}_size": size for index, size in enumerate(history.cluster_sizes[-1])}
        self._log.scalars(done, {**last, **sizes})
        text = f"loss {last['loss']:.3f}"
        if history.validation_loss:
            text += f", validation {last['validation_loss']:.3f}"
        text += f", {100 * last['changed']:.1f} % changed cluster"
        self._log.progress(done, self.config.max_iterations, text)
