"""What CaeTrainer does."""

from typing import Any

import keras
import numpy as np

from lungnet.config import CaeConfig, DistributionConfig
from lungnet.files import write_json
from lungnet.models import fine_tune, make_distribution, train_autoencoder
from lungnet.patches import load_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Trains layer by layer on real and synthetic training patches, then fine-tunes with labels."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.CaeTrainer`."""
        config = CaeConfig(**exec_properties["cae"])
        distribution = make_distribution(DistributionConfig(**exec_properties["distribution"]))
        low, high = exec_properties["window_hu"]
        seed = exec_properties["seed"]
        uri = input_dict["examples"][0].uri
        train, validation = load_examples(uri, "train"), load_examples(uri, "validation")
        greedy = train_autoencoder(
            train.patches_hu,
            config,
            (low, high),
            seed,
            tensorboard_dir=self.context.tensorboard_dir,
            progress=self.context.progress,
            validation_hu=validation.patches_hu,
            checkpoint_dir=self.context.checkpoint_dir / "layers",
            distribution=distribution,
        )
        model: keras.Model = greedy.model.encoder
        history = {"layers": greedy.history}
        if config.fine_tune_epochs:
            labelled = train
            if config.fine_tune_on == "real":
                labelled = train.take(np.flatnonzero(train.source == "real"))
            tuned = fine_tune(
                model,
                labelled.patches_hu,
                labelled.labels,
                validation.patches_hu,
                validation.labels,
                config,
                (low, high),
                seed,
                tensorboard_dir=self.context.tensorboard_dir / "fine_tuning",
                progress=self.context.progress,
                checkpoint_dir=self.context.checkpoint_dir / "fine_tuning",
                distribution=distribution,
            )
            model, history["fine_tuning"] = tuned.model, tuned.history
        encoder = output_dict["encoder"][0]
        features = int(model.output_shape[-1])
        model.save(encoder.uri / "encoder.keras")
        write_json(encoder.uri / "encoder.json", {"window_hu": [low, high], "features": features})
        write_json(encoder.uri / "history.json", history)
        encoder.properties["features"] = features
