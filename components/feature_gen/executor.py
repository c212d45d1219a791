"""What FeatureGen does."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lungnet.components.encoder_artifact import load_encoder
from lungnet.models import choose_patches, encode, write_projector
from lungnet.models.event_file import fresh_event_file
from lungnet.patches import SPLITS, ExampleArrays, FeatureArrays, load_examples, write_features
from lungnet.pipeline import Artifact, BaseExecutor

#: Patches in TensorBoard's projector, at most; more of them hide each other.
_SHOWN = 2000


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
        splits: dict[str, tuple[ExampleArrays, FeatureArrays]] = {}
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
            splits[split] = examples, arrays
        features.properties["features"] = int(encoder.output_shape[-1])
        _show(self.context.tensorboard_dir, splits, window_hu)


def _show(
    tensorboard_dir: Path,
    splits: dict[str, tuple[ExampleArrays, FeatureArrays]],
    window_hu: tuple[float, float],
) -> None:
    """Shows features and patches in the projector, and how the features of each split are distributed."""
    examples = ExampleArrays.concatenate(examples for examples, _ in splits.values())
    features = np.concatenate([arrays.features for _, arrays in splits.values()])
    names = np.repeat(list(splits), [len(examples) for examples, _ in splits.values()])
    rows = choose_patches(examples.patches_hu, _SHOWN)
    shown = examples.take(rows)
    kinds = np.where(shown.labels == 1, np.char.add(shown.source, " positive"), "negative")
    columns: dict[str, Iterable[object]] = {
        "kind": kinds,
        "label": shown.labels,
        "source": shown.source,
        "split": names[rows],
        "group_id": shown.group_id,
        "patient_id": shown.patient_id,
        "diameter_mm": [f"{value:.1f}" for value in shown.diameter_mm],
        "malignancy": [f"{value:.1f}" for value in shown.malignancy],
    }
    write_projector(tensorboard_dir, "features", features[rows], shown.patches_hu, window_hu, columns)
    with fresh_event_file(tensorboard_dir):
        for split, (_, arrays) in splits.items():
            tf.summary.histogram(
                f"features/{split}", arrays.features, description="All features of all patches of the split."
            )
