"""What GanTrainer does."""

from typing import Any

from lungnet.config import DistributionConfig, GanConfig
from lungnet.files import write_json
from lungnet.models import make_distribution, train_gan
from lungnet.patches import load_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Trains on the positives of the training split alone."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.GanTrainer`."""
        config = GanConfig(**exec_properties["gan"])
        distribution = make_distribution(DistributionConfig(**exec_properties["distribution"]))
        low, high = exec_properties["window_hu"]
        examples = load_examples(input_dict["examples"][0].uri, "train")
        trained = train_gan(
            examples.patches_hu[examples.labels == 1],
            config,
            (low, high),
            exec_properties["seed"],
            tensorboard_dir=self.context.tensorboard_dir,
            progress=self.context.progress,
            checkpoint_dir=self.context.checkpoint_dir,
            distribution=distribution,
        )
        generator = output_dict["generator"][0]
        trained.model.sampler.save(generator.uri / "generator.keras")
        write_json(
            generator.uri / "generator.json", {"window_hu": [low, high], "latent_dim": config.latent_dim}
        )
        write_json(generator.uri / "history.json", trained.history)
        generator.properties["training_patches"] = int((examples.labels == 1).sum())
