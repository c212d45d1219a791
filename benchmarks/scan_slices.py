"""Whole slices by the scanner, against the classifier at the same positions in the same runtime.

python benchmarks/scan_slices.py [--turns 9] [--batch 32] [--threads N] [--cpu-time] [--output FILE]

The slice is one of LIDC-IDRI-0001 below `$LUNGNET_DATA`, or noise of its size without it. Both graphs are
exported from the same model. Prints JSON; the ratio is the median over turns.
"""

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from onnx_patches import in_batches
from turns import faster, machine, median, open_session, take_turns
from untrained import build_untrained, save_untrained

from lungnet.config import ExportConfig
from lungnet.ct import read_series
from lungnet.export import export_onnx, export_scanner, patches_of, sample_patches
from lungnet.files import write_json


def a_slice() -> np.ndarray:
    """Returns int16 `(1, 512, 512)`."""
    folder = Path(os.environ.get("LUNGNET_DATA", ".")) / "lidc" / "LIDC-IDRI-0001"
    if folder.is_dir():
        return read_series(folder).hu[70:71].copy()
    return np.random.default_rng(0).integers(-1000, 400, (1, 512, 512)).astype(np.int16)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--batch", type=int, default=32, help="patches in one run of the classifier")
    parser.add_argument("--threads", type=int, help="of ONNX Runtime; all cores by default")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of processors, not of the clock")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()

    config, slices_hu = ExportConfig(pad_channels=16), a_slice()
    with tempfile.TemporaryDirectory() as folder:
        saved = save_untrained(build_untrained(sample_patches(2)), Path(folder) / "classifier")
        classifier, scanner = (
            open_session(
                export(saved, Path(folder) / "m.onnx", config=config).path.read_bytes(), options.threads
            )
            for export in (export_onnx, export_scanner)
        )
    patches = patches_of(slices_hu, 8)
    patches_hu = np.ascontiguousarray(patches.reshape(-1, 40, 40))
    (scanned,) = scanner.run(None, {"slices_hu": slices_hu})
    alone = classifier.run(["probability"], {"patches_hu": patches_hu[::50]})[0]
    seconds = take_turns(
        {
            "slice": partial(scanner.run, None, {"slices_hu": slices_hu}),
            "patches": partial(in_batches, classifier, patches_hu, options.batch),
        },
        options.turns,
        options.cpu_time,
    )
    result = {
        **machine(options.threads, options.cpu_time),
        "slice": list(slices_hu.shape[1:]),
        "positions": len(patches_hu),
        "milliseconds_a_slice": round(1e3 * median(seconds, "slice"), 1),
        "milliseconds_patch_by_patch": round(1e3 * median(seconds, "patches"), 1),
        "times_as_fast": round(faster(seconds, "slice", "patches"), 1),
        "max_difference": float(np.abs(scanned.ravel()[::50] - alone).max()),
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
