"""BaselineTrainer: see the class."""

from typing import Any

from lungnet.errors import InputError
from lungnet.pipeline import Classifier, Component, ComponentSpec, Encoder, Examples, Features, Parameter

_FOR_ALL = {
    "row": Parameter(),
    "calibration": Parameter("calibration"),
    "task": Parameter("task"),
    "seed": Parameter("seed"),
}
_NETWORK = (
    *("hidden", "leaky_slope", "standardise", "head_seed"),
    *("learning_rate", "learning_rate_decay", "beta_1", "l2", "batch_size"),
    *("weight_decay", "dropout", "early_stopping"),
)


def _on_features(**parameters: Parameter) -> ComponentSpec:
    return ComponentSpec(
        inputs={"features": Features, "encoder": Encoder},
        outputs={"classifier": Classifier},
        parameters={**_FOR_ALL, "train_on": Parameter("calm.train_on"), **parameters},
    )


def _on_patches(*settings: str) -> ComponentSpec:
    return ComponentSpec(
        inputs={"examples": Examples},
        outputs={"classifier": Classifier},
        parameters={
            **_FOR_ALL,
            "patches": Parameter("patches"),
            "window_hu": Parameter("window_hu"),
            **{name: Parameter(f"baselines.{name}") for name in settings},
        },
    )


#: What each row of Table 1 takes and depends on: a setting of one row does not touch another.
ROWS = {
    "gan_cae_nn": _on_features(
        nn_epochs=Parameter("baselines.nn_epochs"), **{name: Parameter(f"calm.{name}") for name in _NETWORK}
    ),
    "gan_cae_lr": _on_features(lr_c=Parameter("baselines.lr_c")),
    "gan_cae_svm": _on_features(svm_c=Parameter("baselines.svm_c")),
    "ae": _on_patches("ae_units", "ae_epochs", "ae_batch_size", "ae_learning_rate", "ae_tree_depth"),
    "cnn": _on_patches(
        *("cnn_steps", "cnn_batch_size", "cnn_learning_rate", "cnn_schedule", "cnn_keep"),
        *("cnn_weight_decay", "cnn_dropout", "cnn_early_stopping"),
        *("cnn_flips", "cnn_shift", "cnn_batch_norm", "cnn_cut_mix", "cnn_cut_mix_alpha"),
    ),
    "brightness": _on_patches(),
    "size": _on_patches("size_level_hu"),
}


class BaselineTrainer(Component):
    """One of the paper's rivals (section 7), or brightness or size alone, as a classifier of HU patches.

    Rows on features (`gan_cae_nn`, `gan_cae_lr`, `gan_cae_svm`) take `features` and `encoder`, and see the
    augmented training split, or what `calm.train_on` leaves of it. Rows on patches (`ae`, `cnn`,
    `brightness`, `size`) take `examples`; they have no GAN in front of them: give them the real ones.

    Parameters: `row`, its key in Table 1.

    Raises:
        InputError: as `Component`, or there is no such row.
    """

    SPEC = ROWS["gan_cae_nn"]
    EXECUTOR = "lungnet.components.baseline_trainer.executor:Executor"

    def __init__(self, *, row: str, component_id: str | None = None, **arguments: Any) -> None:
        if row not in ROWS:
            raise InputError(f"BaselineTrainer knows no row {row!r}; expected one of {', '.join(ROWS)}.")
        self.SPEC = ROWS[row]  # type: ignore[misc]
        super().__init__(component_id=component_id or f"BaselineTrainer.{row}", row=row, **arguments)
