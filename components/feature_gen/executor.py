"""What FeatureGen does."""

from typing import Any

from lungnet.components.encoder_artifact import load_encoder
from lungnet.models import encode
from lungnet.patches import SPLITS, FeatureArrays, load_examples, write_features
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Encodes split by split."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.FeatureGen`."""
        encoder, window_hu = load_encoder(input_dict["encoder"][0])
        features = output_dict["features"][0]
        for done, split in enumerate(SPLITS):
            self.context.progress(done, len(SPLITS), split)
            examples = load_examples(input_dict["examples"][0].uri, split)
            arrays = FeatureArrays(
                encode(encoder, examples.patches_hu, window_hu),
                examples.labels,
                examples.group_id,
                examples.source,
            )
            write_features(features.uri, arrays, split)
        features.properties["features"] = int(encoder.output_shape[-1])
