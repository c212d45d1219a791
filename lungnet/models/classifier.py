"""From Hounsfield units to a calibrated probability: what is saved, exported and compared."""

from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from lungnet.models.calibration import Calibration
from lungnet.models.calm import CALM
from lungnet.models.hounsfield import HounsfieldWindow


@keras.saving.register_keras_serializable(package="lungnet")
class PatchClassifier(keras.Model):
    """Window, encoder, head and calibration as one model; `assemble_classifier` makes it.

    Args:
        encoder: `(b, 40, 40, 1)` in [0, 1] to features `(b, d)`, or `None` where the head takes patches.
        head: a `CALM`, or any model to one logit, `(b,)` or `(b, 1)`.
        window_hu: what `HounsfieldWindow` clips to.
        calibration: from the logit to the probability.

    Call arguments:
        patches_hu: int16 `(b, 40, 40)` in Hounsfield units.

    Returns:
        `probability` float32 `(b,)` and `cluster` int64 `(b,)`, -1 where the head has no clusters.
    """

    def __init__(
        self,
        encoder: keras.Model | None,
        head: keras.Model,
        window_hu: tuple[float, float] = (-1000.0, 400.0),
        calibration: Calibration = Calibration(),  # noqa: B008 - frozen
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.window = HounsfieldWindow(*window_hu)
        self.encoder, self.head, self.calibration = encoder, head, calibration
        self.build((None, 40, 40))

    def build(self, patches_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build: encoder and head come built."""
        self.built = True

    def head_input(self, patches_hu: Any) -> Any:
        """Returns what the head sees: features `(b, d)`, or patches `(b, 40, 40, 1)` in [0, 1]."""
        patches = self.window(patches_hu)
        return patches if self.encoder is None else self.encoder(patches, training=False)

    def logit(self, patches_hu: Any) -> Any:
        """Returns float32 `(b,)` before calibration: what `fit_calibration` is fitted on."""
        return self._logit_and_cluster(self.head_input(patches_hu))[0]

    def call(self, patches_hu: Any) -> dict[str, Any]:
        """Returns probability and cluster."""
        logit, cluster = self._logit_and_cluster(self.head_input(patches_hu))
        return {"probability": self._probability(logit), "cluster": cluster}

    def explain(self, patches_hu: Any) -> dict[str, Any]:
        """Returns the same with the logit, and with how near the decision between clusters was.

        `logit`, float32 `(b,)`, is what was calibrated. `cluster_margin`, float32 `(b,)`, is the difference
        of the two least dissimilarities over their sum, and `other_probability` what the classifier says of
        the patch in the second nearest cluster. Below a margin of 1e-5 rounding may choose either. Without
        clusters: 1.0 and `probability`.
        """
        inputs = self.head_input(patches_hu)
        if isinstance(self.head, CALM):
            found = self.head.explain(inputs)
            logit, other = found.logit, self._probability(found.other_logit)
            probability, cluster, margin = self._probability(logit), found.cluster, found.margin
        else:
            logit, cluster = self._logit_and_cluster(inputs)
            probability = other = self._probability(logit)
            margin = ops.ones_like(probability)
        return {
            "probability": probability,
            "cluster": cluster,
            "logit": logit,
            "cluster_margin": margin,
            "other_probability": other,
        }

    def _logit_and_cluster(self, inputs: Any) -> tuple[Any, Any]:
        if isinstance(self.head, CALM):
            return self.head.logit_and_cluster(inputs)
        logit = ops.reshape(self.head(inputs, training=False), (-1,))
        return logit, ops.full_like(logit, -1, dtype="int64")

    def _probability(self, logit: Any) -> Any:
        log_odds = self.calibration.scale * logit + self.calibration.shift
        if self.calibration.knots:
            knots = ops.convert_to_tensor(self.calibration.knots, "float32")
            bends = ops.convert_to_tensor(self.calibration.bends, "float32")
            beyond = ops.relu(ops.expand_dims(logit, -1) - knots)
            log_odds += ops.squeeze(ops.matmul(beyond, ops.expand_dims(bends, -1)), -1)
        return ops.sigmoid(log_odds)

    def get_config(self) -> dict[str, Any]:
        """Returns encoder and head (without weights), window and calibration as plain data."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "encoder": None if self.encoder is None else serialize(self.encoder),
            "head": serialize(self.head),
            "window_hu": [self.window.low, self.window.high],
            "calibration": {
                **asdict(self.calibration),
                "knots": list(self.calibration.knots),
                "bends": list(self.calibration.bends),
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "PatchClassifier":
        """Makes the model from `get_config`'s result, with initial weights."""
        restore = keras.saving.deserialize_keras_object
        encoder = None if config["encoder"] is None else restore(config["encoder"], custom_objects)
        values = {
            "encoder": encoder,
            "head": restore(config["head"], custom_objects),
            "window_hu": tuple(config["window_hu"]),
            "calibration": Calibration(**config["calibration"]),
        }
        return cls(**{**config, **values})


def assemble_classifier(
    encoder: keras.Model | None,
    head: keras.Model,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
    calibration: Calibration | None = None,
) -> PatchClassifier:
    """Joins a trained encoder and a trained head into a classifier of patches in Hounsfield units.

    Args:
        encoder: built model, `(b, 40, 40, 1)` in [0, 1] to features `(b, d)`; `None` where the head takes
            patches itself.
        head: built `CALM`, or built model to one logit, `(b,)` or `(b, 1)`.
        window_hu: window that both were trained with.
        calibration: from `fit_calibration`; default none.

    Returns:
        A model that shares their weights.

    Raises:
        ValueError: encoder or head has no weights yet, or the encoder's features are not as many as the
            head's.
    """
    for name, model in (("encoder", encoder), ("head", head)):
        if model is not None and not model.built:
            raise ValueError(f"The {name} must be built before it is assembled. Received: {model!r}")
    expected = getattr(head, "features", None)
    if encoder is not None and isinstance(expected, int) and encoder.output_shape[-1] != expected:
        raise ValueError(
            f"The head takes {expected} features. Received: an encoder of {encoder.output_shape[-1]}"
        )
    return PatchClassifier(encoder, head, window_hu, calibration or Calibration())
