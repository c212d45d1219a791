"""What BaselineTrainer does."""

from typing import Any, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from lungnet.components.classifier_artifact import save_head
from lungnet.components.encoder_artifact import load_encoder
from lungnet.config import BaselineConfig, CalmConfig, PatchRules
from lungnet.models import (
    measure_brightness,
    measure_size,
    to_unit,
    train_ae_baseline,
    train_cnn,
    train_linear_svm,
    train_logistic_regression,
    train_network,
    train_on_one_number,
)
from lungnet.patches import (
    PATCH_SIZE,
    ExampleArrays,
    FeatureArrays,
    balance_training,
    load_examples,
    load_features,
)
from lungnet.pipeline import Artifact, BaseExecutor

Settings = TypeVar("Settings", BaselineConfig, CalmConfig)


class Executor(BaseExecutor):
    """Trains one row of Table 1, on features or on patches."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.BaselineTrainer`."""
        row = exec_properties["row"]
        if "features" in input_dict:
            uri = input_dict["features"][0].uri
            train = load_features(uri, "train").restricted_to(exec_properties["train_on"])
            validation = load_features(uri, "validation")
            encoder, window_hu = load_encoder(input_dict["encoder"][0])
            head, history = self._train_on_features(row, train, validation, exec_properties)
            inputs, labels, training_labels = validation.features, validation.labels, train.labels
        else:
            encoder = None
            window_hu = (exec_properties["window_hu"][0], exec_properties["window_hu"][1])
            uri = input_dict["examples"][0].uri
            real, held = load_examples(uri, "train"), load_examples(uri, "validation")
            head, history, training_labels = self._train_on_patches(
                row, real, held, window_hu, exec_properties
            )
            inputs, labels = to_unit(held.patches_hu, window_hu)[..., None], held.labels
        save_head(
            output_dict["classifier"][0],
            head,
            encoder,
            window_hu,
            (inputs, labels),
            training_labels,
            row,
            history,
            exec_properties,
        )

    def _train_on_features(
        self, row: str, train: FeatureArrays, validation: FeatureArrays, exec_properties: dict[str, Any]
    ) -> tuple[keras.Model, dict[str, Any]]:
        config = _settings(BaselineConfig, exec_properties)
        if row == "gan_cae_nn":
            trained = train_network(
                train.features,
                train.labels,
                validation.features,
                validation.labels,
                _settings(CalmConfig, exec_properties),
                config.nn_epochs,
                exec_properties["seed"],
                tensorboard_dir=self.context.tensorboard_dir,
                progress=self.context.progress,
                checkpoint_dir=self.context.checkpoint_dir,
            )
            return trained.model, trained.history
        if row == "gan_cae_lr":
            return train_logistic_regression(train.features, train.labels, config.lr_c), {}
        return train_linear_svm(train.features, train.labels, config.svm_c, exec_properties["seed"]), {}

    def _train_on_patches(
        self,
        row: str,
        real: ExampleArrays,
        validation: ExampleArrays,
        window_hu: tuple[float, float],
        exec_properties: dict[str, Any],
    ) -> tuple[keras.Model, dict[str, Any], npt.NDArray[np.int64]]:
        config = _settings(BaselineConfig, exec_properties)
        seed = exec_properties["seed"]
        # The paper's AE and CNN rows have no GAN in front of them: real patches, balanced.
        nothing = np.empty((0, PATCH_SIZE, PATCH_SIZE), np.int16)
        rules = PatchRules(**exec_properties["patches"])
        train = ExampleArrays.from_examples(balance_training(real, nothing, rules, seed))
        if row in ("brightness", "size"):
            measure = (
                measure_brightness(window_hu)
                if row == "brightness"
                else measure_size(window_hu, config.size_level_hu)
            )
            return train_on_one_number(measure, train.patches_hu, train.labels, window_hu), {}, train.labels
        context: dict[str, Any] = {
            "tensorboard_dir": self.context.tensorboard_dir,
            "progress": self.context.progress,
            "checkpoint_dir": self.context.checkpoint_dir,
        }
        if row == "ae":
            trained = train_ae_baseline(
                train.patches_hu,
                train.labels,
                config,
                window_hu,
                seed,
                validation_hu=validation.patches_hu,
                **context,
            )
        else:
            trained = train_cnn(
                train.patches_hu,
                train.labels,
                validation.patches_hu,
                validation.labels,
                config,
                window_hu,
                seed,
                **context,
            )
        return trained.model, trained.history, train.labels


def _settings(section: type[Settings], exec_properties: dict[str, Any]) -> Settings:
    """The section of the configuration with what this row depends on; nothing looks at the rest."""
    return section(**{name: value for name, value in exec_properties.items() if name in section.model_fields})
