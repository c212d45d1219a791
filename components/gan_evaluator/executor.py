"""What GanEvaluator does."""

import json
from typing import Any

import keras

from lungnet.components.encoder_artifact import load_encoder
from lungnet.config import QualityConfig
from lungnet.evaluation import QualityInputs, judge_synthetic, random_features, write_quality
from lungnet.models import encode, generate_patches
from lungnet.patches import load_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Draws patches, as the Augmenter does, and judges them."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.GanEvaluator`."""
        config, seed = QualityConfig(**exec_properties["quality"]), exec_properties["seed"]
        generator, examples = input_dict["generator"][0], input_dict["examples"][0]
        encoder, encoder_window_hu = load_encoder(input_dict["encoder"][0])
        low, high = json.loads((generator.uri / "generator.json").read_text("utf-8"))["window_hu"]
        train, validation, held = (
            load_examples(examples.uri, each) for each in ("train", "validation", "eval")
        )
        wanted = min(config.classifier_patches, int((train.labels == 1).sum()))
        inputs = QualityInputs(
            train=train,
            validation=validation,
            evaluation=held,
            synthetic_hu=generate_patches(
                keras.saving.load_model(generator.uri / "generator.keras"),
                max(wanted, config.max_patches, config.copy_patches),
                (low, high),
                seed,
            ),
            spaces={
                "encoder": lambda patches_hu: encode(encoder, patches_hu, encoder_window_hu),
                "random": lambda patches_hu: random_features(patches_hu, (low, high)),
            },
            window_hu=(low, high),
            history=json.loads((generator.uri / "history.json").read_text("utf-8")),
        )
        artifact = output_dict["quality"][0]
        write_quality(
            artifact.uri, judge_synthetic(inputs, config, seed, self.context.progress), inputs, config
        )
        artifact.properties["synthetic"] = len(inputs.synthetic_hu)
