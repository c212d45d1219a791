"""Whole slices by the scanner, against the classifier at the same positions in the same runtime.

python benchmarks/scan_slices.py [--turns 9] [--threads N] [--cpu-time] [--output FILE]

Both go from slices in Hounsfield units to the probabilities at 60 x 60 positions of each, through
`lungnet.serving` as it is used: `SliceScanner.scan`, and `extract` with `NoduleClassifier.predict`. What the
graphs alone take (patches cut before) stands beside it, for some batch sizes. The slices are of
LIDC-IDRI-0001 below `$LUNGNET_DATA`, or noise of their size without it. Prints JSON; ratios are medians over
turns.
"""

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from onnx_patches import FAST, in_batches
from turns import faster, machine, median, open_session, take_turns
from untrained import build_untrained, save_untrained

from lungnet.ct import Volume, extract, read_series
from lungnet.export import export_onnx, export_scanner, sample_patches
from lungnet.files import write_json
from lungnet.serving import NoduleClassifier, SliceScanner

BATCHES = (64, 128, 512)


#: Of the CT, and as many as `CTScanner` shows its scanner at a time.
_SLICES, _TOGETHER = 4, 2


def some_slices() -> np.ndarray:
    """Returns int16 `(4, 512, 512)`."""
    folder = Path(os.environ.get("LUNGNET_DATA", ".")) / "lidc" / "LIDC-IDRI-0001"
    if folder.is_dir():
        return read_series(folder).hu[70 : 70 + _SLICES].copy()
    return np.random.default_rng(0).integers(-1000, 400, (_SLICES, 512, 512)).astype(np.int16)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, help="of ONNX Runtime; all cores by default")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of processors, not of the clock")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()

    slices_hu, providers = some_slices(), ["CPUExecutionProvider"]
    with tempfile.TemporaryDirectory() as folder:
        saved = save_untrained(build_untrained(sample_patches(2)), Path(folder) / "classifier")
        path = export_onnx(saved, Path(folder) / "classifier.onnx", config=FAST).path
        classifier, graph = NoduleClassifier(path, providers, options.threads), path.read_bytes()
        path = export_scanner(saved, Path(folder) / "scanner.onnx", config=FAST).path
        scanner = SliceScanner(path, providers, options.threads)
    volume = Volume(slices_hu, (2.5, 0.7, 0.7), (0.0, 0.0, 0.0))
    rows, columns = ((size - 40) // 8 + 1 for size in slices_hu.shape[1:])
    centers_zyx = np.argwhere(np.ones((_SLICES, rows, columns))) * (1, 8, 8) + (0, 20, 20)
    patches_hu, session = extract(volume, centers_zyx), open_session(graph, options.threads)

    def scan() -> np.ndarray:
        parts = np.split(slices_hu, _SLICES // _TOGETHER)
        return np.concatenate([scanner.scan(part) for part in parts])

    runs = {
        "slices": scan,
        "patches": lambda: classifier.predict(extract(volume, centers_zyx)),
        **{f"cut_{batch}": partial(in_batches, session, patches_hu, batch) for batch in BATCHES},
    }
    difference = np.abs(scan().ravel() - classifier.predict(patches_hu)).max()
    seconds = take_turns(runs, options.turns, options.cpu_time)
    result = {
        **machine(options.threads, options.cpu_time),
        "slices": list(slices_hu.shape),
        "positions": len(centers_zyx),
        "milliseconds_a_slice": round(1e3 * median(seconds, "slices") / _SLICES, 1),
        "milliseconds_patch_by_patch": round(1e3 * median(seconds, "patches") / _SLICES, 1),
        "times_as_fast": round(faster(seconds, "slices", "patches"), 1),
        "times_as_fast_as_patches_cut_before": {
            f"batches of {batch}": round(faster(seconds, "slices", f"cut_{batch}"), 1) for batch in BATCHES
        },
        "max_difference": float(difference),
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
