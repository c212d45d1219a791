"""Writes features of LUNA16 patches, for benchmarks of CALM and of the encoder, as FeatureGen does.

    python benchmarks/encoder_features.py patches.npz --eval-groups 6,7 --output features/6-7

The encoder of the preset is taken as it was drawn (`untrained`), learns layer by layer from the training
patches (`greedy`), and is then fine-tuned with their labels (`fine_tuned`). Both classes of the training
split are repeated, each time translated anew, up to half of `--patches` (8,676 by default). What is there
already is left as it is, and what is not needed for the rest is not trained.
"""

import argparse
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import keras

from lungnet.config import Config, PatchRules, SplitRules
from lungnet.files import write_json
from lungnet.models import ConvolutionalAutoencoder, encode, fine_tune, train_autoencoder
from lungnet.patches import (
    ExampleArrays,
    FeatureArrays,
    array_examples,
    read_array_file,
    write_features,
)
from lungnet.presets import load_config

#: The encoder before it learns, after Algorithm 1, and after its labels.
STAGES = ("untrained", "greedy", "fine_tuned")
#: Beside the features: the configuration of the encoder.
SETTINGS = "cae.json"


def balanced_examples(path: Path, split: SplitRules, patches: int, seed: int) -> dict[str, ExampleArrays]:
    """Returns the examples of each split, training with half of `patches` of either class."""
    arrays = read_array_file(path)
    once = array_examples(arrays, PatchRules(negative_surplus=0.0), split, seed).splits
    negatives = sum(example.label == 0 for example in once["train"])
    half = patches // 2
    if half < negatives:
        raise SystemExit(f"--patches must be at least {2 * negatives}, twice the negatives of training.")
    surplus = max(0.0, (half - negatives - 0.5) / half)  # rounded up to what is lacking
    rules = PatchRules(negatives_per_positive=negatives / half, negative_surplus=surplus)
    splits = array_examples(arrays, rules, split, seed).splits
    return {name: ExampleArrays.from_examples(examples) for name, examples in splits.items()}


def write_encoded(
    path: Path, encoder: keras.Model, examples: dict[str, ExampleArrays], config: Config
) -> None:
    """Writes the features of all splits, and how the encoder was trained, below `path`, or nothing."""
    aside = path.with_name(path.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    for split, arrays in examples.items():
        features = encode(encoder, arrays.patches_hu, config.window_hu)
        write_features(aside, FeatureArrays(features, arrays.labels, arrays.group_id, arrays.source), split)
    write_json(aside / SETTINGS, config.cae.model_dump(mode="json"))
    aside.rename(path)


def check_same(path: Path, config: Config) -> None:
    """Ends the process where features are there that another encoder made."""
    if path.exists() and json.loads(path.read_text("utf-8")) != config.cae.model_dump(mode="json"):
        raise SystemExit(f"{path.parent} holds features of other settings; give another --output.")


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arrays", type=Path, help="the .npz with the patches")
    parser.add_argument("--eval-groups", default="6,7", help="held out, with a comma between them")
    parser.add_argument("--patches", type=int, default=8676, help="of training (default 8676)")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--seed", type=int, default=0, help="of split, translations and encoder")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    config = load_config(options.preset)
    for stage in STAGES:
        check_same(options.output / stage / SETTINGS, config)
    missing = [stage for stage in STAGES if not (options.output / stage).exists()]
    if not missing:
        print(f"{options.output} is there already.")
        return
    split = SplitRules(eval_groups=tuple(options.eval_groups.split(",")))
    examples = balanced_examples(options.arrays, split, options.patches, options.seed)
    print({name: (len(arrays.labels), int(arrays.labels.sum())) for name, arrays in examples.items()})
    for stage, encoder in encoders(examples, config, options.seed, missing):
        if stage in missing:
            write_encoded(options.output / stage, encoder, examples, config)


def encoders(
    examples: dict[str, ExampleArrays], config: Config, seed: int, wanted: Collection[str]
) -> Iterator[tuple[str, keras.Model]]:
    """Yields the encoder after each stage of its training, up to the last one that is wanted."""
    train, validation = examples["train"], examples["validation"]
    # The weights that `train_autoencoder` begins with.
    yield "untrained", ConvolutionalAutoencoder(config.cae, seed).encoder
    if not {"greedy", "fine_tuned"}.isdisjoint(wanted):
        greedy = train_autoencoder(train.patches_hu, config.cae, config.window_hu, seed).model
        yield "greedy", greedy.encoder
    if "fine_tuned" in wanted:
        tuned = fine_tune(
            greedy.encoder,
            train.patches_hu,
            train.labels,
            validation.patches_hu,
            validation.labels,
            config.cae,
            config.window_hu,
            seed,
        )
        yield "fine_tuned", tuned.model


if __name__ == "__main__":
    main()
