"""What CalmTrainer does."""

from typing import Any

from lungnet.components.classifier_artifact import save_head
from lungnet.components.encoder_artifact import load_encoder
from lungnet.config import CalmConfig, DistributionConfig
from lungnet.models import make_distribution, train_calm
from lungnet.patches import load_features
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Learns and clusters in turns on the training features that `calm.train_on` names.

    Validation features settle what is kept.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.CalmTrainer`."""
        distribution = make_distribution(DistributionConfig(**exec_properties["distribution"]))
        config = CalmConfig(**exec_properties["calm"])
        uri = input_dict["features"][0].uri
        train = load_features(uri, "train").restricted_to(config.train_on)
        validation = load_features(uri, "validation")
        model, history = train_calm(
            train.features,
            train.labels,
            validation.features,
            validation.labels,
            config,
            exec_properties["seed"],
            tensorboard_dir=self.context.tensorboard_dir,
            progress=self.context.progress,
            checkpoint_dir=self.context.checkpoint_dir,
            distribution=distribution,
        )
        encoder, window_hu = load_encoder(input_dict["encoder"][0])
        save_head(
            output_dict["classifier"][0],
            model,
            encoder,
            window_hu,
            (validation.features, validation.labels),
            train.labels,
            "gan_cae_calm",
            history.to_dict(),
            exec_properties,
        )
