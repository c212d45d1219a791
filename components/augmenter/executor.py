"""What Augmenter does."""

import json
import shutil
from typing import Any

import keras

from lungnet.config import AugmentConfig, PatchRules
from lungnet.models import generate_patches
from lungnet.patches import balance_training, load_examples, write_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Draws the synthetic positives and copies validation and eval as they are."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.Augmenter`."""
        rules = PatchRules(**exec_properties["patches"])
        seed = exec_properties["seed"]
        real_examples, generator = input_dict["examples"][0], input_dict["generator"][0]
        augmented = output_dict["examples"][0]
        train = load_examples(real_examples.uri, "train")
        count = round(AugmentConfig(**exec_properties["augment"]).rate * int((train.labels == 1).sum()))
        window_hu = json.loads((generator.uri / "generator.json").read_text("utf-8"))["window_hu"]
        model = keras.saving.load_model(generator.uri / "generator.keras")
        synthetic = generate_patches(model, count, tuple(window_hu), seed)
        write_examples(augmented.uri, balance_training(train, synthetic, rules, seed), "train", rules.shards)
        for split in ("validation", "eval"):
            shutil.copytree(real_examples.uri / f"Split-{split}", augmented.uri / f"Split-{split}")
        augmented.properties.update(real_examples.properties, synthetic=count)
