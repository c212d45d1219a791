"""Patches per second of the exported classifier, against what else could run it.

python benchmarks/onnx_patches.py [--patches 512] [--turns 15] [--batch 128] [--threads N] [--cpu-time]

Rivals on the CPU, all from the same int16 patches: the plain tf2onnx graph of the same model in the same
runtime and batches, and `keras.Model.predict` in batches of 512. The floating-point rate counts the
operations that are executed, padding included, beside that of a large float32 matrix product in NumPy.
Prints JSON. Ratios are medians over turns; a model of 8 bits is timed beside them.
"""

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnxruntime
from turns import faster, machine, median, open_session, take_turns
from untrained import build_untrained, save_untrained

from lungnet.config import ExportConfig
from lungnet.export import SavedModelReference, convert_saved_model, export_onnx, sample_patches
from lungnet.export.encoder_graph import GraphForm, executed_operations
from lungnet.files import write_json

#: As the preset `standard` exports.
FAST = ExportConfig(pad_channels=16, split_first=True)
_MATRIX = 3072


def in_batches(session: onnxruntime.InferenceSession, patches_hu: np.ndarray, batch: int) -> None:
    """Runs a classifier over patches."""
    for start in range(0, len(patches_hu), batch):
        session.run(None, {"patches_hu": patches_hu[start : start + batch]})


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=int, default=512)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--batch", type=int, default=128, help="patches in one run of a graph")
    parser.add_argument("--threads", type=int, help="of ONNX Runtime; all cores by default")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of processors, not of the clock")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()

    patches_hu = np.resize(sample_patches(256), (options.patches, 40, 40))
    labels = np.arange(len(patches_hu)) % 2
    model = build_untrained(patches_hu)
    with tempfile.TemporaryDirectory() as folder:
        saved = save_untrained(model, Path(folder) / "classifier")
        reference = SavedModelReference(saved)
        padded = export_onnx(saved, Path(folder) / "padded.onnx", config=FAST)
        int8 = export_onnx(
            saved,
            Path(folder) / "int8.onnx",
            config=FAST.model_copy(update={"precision": "int8", "max_auc_loss": 1.0}),
            sample_hu=patches_hu,
            labels=labels,
            calibration_hu=patches_hu,
        )
        graphs = {
            "lungnet": padded.path.read_bytes(),
            "tf2onnx": convert_saved_model(reference.signature, 17).SerializeToString(),
            "lungnet_int8": int8.path.read_bytes(),
        }
        network = reference.network
        assert network is not None
    left, right = np.random.default_rng(0).random((2, _MATRIX, _MATRIX), np.float32)
    runs = {
        name: partial(in_batches, open_session(content, options.threads), patches_hu, options.batch)
        for name, content in graphs.items()
    }
    runs["keras_predict"] = partial(model.predict, patches_hu, batch_size=512, verbose=0)
    runs["numpy_matmul"] = partial(np.matmul, left, right)
    seconds = take_turns(runs, options.turns, options.cpu_time)

    operations = executed_operations(network, GraphForm(17, 16, split_first=True)) * len(patches_hu)
    share = faster(seconds, "lungnet", "numpy_matmul") * operations / (2 * _MATRIX**3)
    result = {
        **machine(options.threads, options.cpu_time),
        "patches": len(patches_hu),
        "batch": options.batch,
        "patches_per_second": {
            name: round(len(patches_hu) / median(seconds, name)) for name in runs if name != "numpy_matmul"
        },
        "times_as_fast_as_tf2onnx": round(faster(seconds, "lungnet", "tf2onnx"), 2),
        "times_as_fast_as_keras_predict": round(faster(seconds, "lungnet", "keras_predict"), 2),
        "int8_times_as_fast_as_float32": round(faster(seconds, "lungnet_int8", "lungnet"), 2),
        "gigaflops": round(operations / median(seconds, "lungnet") / 1e9, 1),
        "numpy_matmul_gigaflops": round(2 * _MATRIX**3 / median(seconds, "numpy_matmul") / 1e9, 1),
        "share_of_numpy_matmul": round(share, 2),
        "max_difference": padded.parity.max_difference,
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
