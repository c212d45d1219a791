"""A whole CT from folder to detections: seconds, memory, and what takes them.

python benchmarks/scan_ct.py [CT_FOLDER] [--model scanner.onnx] [--turns 5] [--output FILE]

Every turn starts `lungnet scan` in a new process and takes its time from start to exit and the most memory
it held; another new process then goes the same way and tells the shares of starting, reading, lung field,
network and grouping (with the second look). Without a folder LIDC-IDRI-0001 is taken from `$LUNGNET_DATA`,
without a model an untrained one of the paper's size is exported. Prints JSON with medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: Goes the way of `lungnet scan` and prints the seconds of each part.
_PARTS = """
import json, sys, time
last = float(sys.argv[3])
parts = {}
def part(name):
    global last
    now = time.time()
    parts[name], last = now - last, now
import onnxruntime
from lungnet.cli import main
from lungnet.ct import read_series
from lungnet.presets import load_config
from lungnet.serving import CTScanner
from lungnet.serving.heat_map import scan_lungs
from lungnet.serving.scan_grid import lung_grid
from lungnet.serving.slice_scanner import SliceScanner
scanner, network = CTScanner(sys.argv[2], load_config("paper").scan), SliceScanner(sys.argv[2])
part("start")
volume = read_series(sys.argv[1])
part("reading")
grid = lung_grid(volume, 8)
part("lung_field")
heat_map = scan_lungs(volume, grid, network, 2)
part("network")
detections = scanner.detect(volume, heat_map)
part("grouping")
print(json.dumps({"slices": len(volume.hu), "detections": len(detections), "parts": parts}))
"""


def untrained_scanner(folder: Path) -> Path:
    """Exports a scanner of the paper's size."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from onnx_patches import FAST
    from untrained import build_untrained, save_untrained

    from lungnet.export import export_scanner, sample_patches

    saved = save_untrained(build_untrained(sample_patches(2)), folder / "classifier")
    return export_scanner(saved, folder / "scanner.onnx", config=FAST).path


def whole(folder: Path, model: Path, output: Path) -> tuple[float, float]:
    """Returns the seconds and the peak memory in MiB of one `lungnet scan`."""
    command = [sys.executable, "-m", "lungnet", "scan", folder, "--model", model, "-o", output]
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"lungnet scan {folder} failed.")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with one CT series")
    parser.add_argument("--model", type=Path, help="scanner.onnx")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    folder = options.folder or Path(os.environ.get("LUNGNET_DATA", ".")) / "lidc" / "LIDC-IDRI-0001"
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder: name one with a CT series, or set LUNGNET_DATA.")
    seconds, memory, parts = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        model = options.model or untrained_scanner(Path(temporary))
        whole(folder, model, Path(temporary) / "detections.csv")  # warms the file cache
        for _ in range(options.turns):
            took, held = whole(folder, model, Path(temporary) / "detections.csv")
            seconds.append(took)
            memory.append(held)
            command = [sys.executable, "-c", _PARTS, str(folder), str(model), str(time.time())]
            parts.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    names = list(parts[0]["parts"])
    share = {
        name: statistics.median(part["parts"][name] / sum(part["parts"].values()) for part in parts)
        for name in names
    }
    result = {
        "slices": parts[0]["slices"],
        "detections": parts[0]["detections"],
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "turns": options.turns,
        "seconds": round(statistics.median(seconds), 2),
        "seconds_least": round(min(seconds), 2),
        "peak_memory_mib": round(max(memory)),
        "share": {name: round(value, 3) for name, value in share.items()},
    }
    print(json.dumps(result, indent=2))
    if options.output:
        from lungnet.files import write_json

        write_json(options.output, result)


if __name__ == "__main__":
    main()
