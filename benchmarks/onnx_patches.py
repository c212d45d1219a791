"""Patches per second of the exported classifier in ONNX Runtime, against its SavedModel in TensorFlow.

python benchmarks/onnx_patches.py [--classifier DIR] [--patches 2048] [--repeats 5]

Without `--classifier` it builds one of the paper's size (50-50-50 filters, two clusters, 128-32-2) with
untrained weights: speed does not depend on them. Both run on the CPU, take turns and see the same int16
patches in batches of 512; the median of the turns counts. Prints JSON.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from lungnet.config import Config
from lungnet.export import export_onnx, sample_patches
from lungnet.models import (
    CALM,
    ClassifierMetadata,
    ConvolutionalAutoencoder,
    assemble_classifier,
    load_classifier,
    save_classifier,
)
from lungnet.serving import NoduleClassifier


def write_untrained(path: Path, patches_hu: np.ndarray) -> None:
    """Writes a classifier of the paper's size whose two centres are features of two of the patches."""
    config = Config()
    encoder = ConvolutionalAutoencoder(config.cae).encoder
    head = CALM(config.calm, encoder.output_shape[-1])
    model = assemble_classifier(encoder, head, config.window_hu)
    features = np.asarray(model.head_input(patches_hu[: config.calm.clusters]))
    head.set_clusters(features, head.network_importance())
    metadata = ClassifierMetadata(
        row="gan_cae_calm",
        task=config.task,
        window_hu=config.window_hu,
        calibrator=model.calibration,
        threshold=0.5,
        training_prevalence=0.5,
        fingerprint="untrained",
    )
    save_classifier(model, path, metadata)


def seconds(run: Callable[[], object]) -> float:
    """Returns how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifier", type=Path, help="folder that save_classifier wrote")
    parser.add_argument("--patches", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    patches_hu = np.resize(sample_patches(256), (arguments.patches, 40, 40))
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.classifier or Path(folder) / "classifier"
        if arguments.classifier is None:
            write_untrained(path, patches_hu)
        exported = export_onnx(path, Path(folder) / "classifier.onnx")
        onnx = NoduleClassifier(exported.path, providers=["CPUExecutionProvider"])
        saved_model = load_classifier(path)

        runs = {
            "onnx_runtime": lambda: onnx.predict_with_clusters(patches_hu),
            "saved_model": lambda: saved_model.predict(patches_hu),
        }
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(arguments.repeats + 1):
            for name, run in runs.items():
                elapsed = seconds(run)
                if turn:  # the first turn warms up
                    times[name].append(elapsed)

    rate = {name: arguments.patches / statistics.median(values) for name, values in times.items()}
    print(
        json.dumps(
            {
                "patches": arguments.patches,
                "cpus": os.cpu_count(),
                "patches_per_second": {name: round(value) for name, value in rate.items()},
                "ratio": round(rate["onnx_runtime"] / rate["saved_model"], 2),
                "max_difference": exported.parity.max_difference,
                "onnx_bytes": exported.size_bytes,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
