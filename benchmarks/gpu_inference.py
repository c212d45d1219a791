"""Patches and whole CTs on a GPU, against the CPU of the same machine.

python benchmarks/gpu_inference.py [CT_FOLDER] [--provider cuda] [--model-dir DIR] [--output gpu.md]

The classifier judges patches in several batch sizes, the scanner a whole CT from volume to detections
(`CTScanner.scan`) and to the heat map alone, on both devices in turns. A GPU runs every node or is not
measured (`require_gpu`); the largest difference of a probability stands beside the speeds.
Without a folder LIDC-IDRI-0001 is taken from `$LUNGNET_DATA`, or a phantom; without models untrained ones of
the paper's size are exported. Prints a table in Markdown and writes it, with a JSON file of the same name
beside it. Without a GPU it says so and measures nothing.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from turns import faster, machine, median, take_turns

from lungnet.ct import Volume, read_series
from lungnet.files import write_json, write_text
from lungnet.serving import CTScanner, GPURequiredError, NoduleClassifier
from lungnet.serving.providers import preferred_providers
from lungnet.serving.session import import_onnxruntime

#: Patches that one run of the graph sees.
BATCHES = (1, 128, 1024, 4096)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with one CT series")
    parser.add_argument("--provider", choices=["cuda", "tensorrt"], default="cuda")
    parser.add_argument("--model-dir", type=Path, help="with classifier.onnx and scanner.onnx")
    parser.add_argument("--patches", type=int, default=8192)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--output", type=Path, help="Markdown file to write, with a JSON file beside it")
    options = parser.parse_args()
    on_gpu = ["tensorrt", "cuda"] if options.provider == "tensorrt" else ["cuda"]
    with tempfile.TemporaryDirectory() as temporary:
        try:
            onnxruntime = import_onnxruntime()
            available = onnxruntime.get_available_providers()
            preferred_providers(on_gpu, available, onnxruntime.get_all_providers(), require_gpu=True)
            models = options.model_dir or untrained_models(Path(temporary))
            NoduleClassifier(models / "classifier.onnx", on_gpu, require_gpu=True)
            CTScanner(models / "scanner.onnx", providers=on_gpu, require_gpu=True)
        except GPURequiredError as error:
            print(f"Nothing was measured: {error}")
            return
        volume = a_ct(options.folder, Path(temporary))
        rows = [
            *compare_patches(models, on_gpu, volume, options.patches, options.turns),
            *compare_cts(models, on_gpu, volume, options.turns),
        ]
    result = {
        **machine(None, cpu_time=False),
        "gpu": gpu_name(),
        "provider": options.provider,
        "slices": len(volume.hu),
        "rows": rows,
    }
    print(table(result))
    if options.output:
        write_text(options.output, table(result))
        write_json(options.output.with_suffix(".json"), result)


def untrained_models(folder: Path) -> Path:
    """Exports a classifier and a scanner of the paper's size."""
    from onnx_patches import FAST
    from untrained import build_untrained, save_untrained

    from lungnet.export import export_onnx, export_scanner, sample_patches

    saved = save_untrained(build_untrained(sample_patches(2)), folder / "classifier")
    export_onnx(saved, folder / "classifier.onnx", config=FAST)
    export_scanner(saved, folder / "scanner.onnx", config=FAST)
    return folder


def a_ct(folder: Path | None, temporary: Path) -> Volume:
    """Reads the CT to scan."""
    folder = folder or Path(os.environ.get("LUNGNET_DATA", ".")) / "lidc" / "LIDC-IDRI-0001"
    if not folder.is_dir():
        from lungnet.phantom import write_phantom

        folder = write_phantom(temporary / "phantom", 1, seed=0)[0]
    return read_series(folder)


def compare_patches(
    models: Path, on_gpu: Sequence[str], volume: Volume, count: int, turns: int
) -> list[dict[str, Any]]:
    """Times the classifier on patches cut from the CT."""
    rng = np.random.default_rng(0)
    corners = np.column_stack(
        [
            rng.integers(0, size - edge + 1, count)
            for size, edge in zip(volume.hu.shape, (1, 40, 40), strict=True)
        ]
    )
    patches_hu = np.stack([volume.hu[z, y : y + 40, x : x + 40] for z, y, x in corners])
    rows = []
    for batch in BATCHES:
        some = patches_hu[: min(count, 64 * batch)]
        cpu, gpu = (
            NoduleClassifier(models / "classifier.onnx", providers, batch_size=batch, require_gpu=required)
            for providers, required in ((["cpu"], False), (on_gpu, True))
        )
        seconds = take_turns({"cpu": partial(cpu.predict, some), "gpu": partial(gpu.predict, some)}, turns)
        apart = float(np.abs(cpu.predict(some) - gpu.predict(some)).max())
        rows.append(row(f"patches, {batch} at once", "patches", len(some), seconds, apart))
    return rows


def compare_cts(models: Path, on_gpu: Sequence[str], volume: Volume, turns: int) -> list[dict[str, Any]]:
    """Times the scanner on a whole CT that is in memory."""
    cpu = CTScanner(models / "scanner.onnx", providers=["cpu"])
    gpu = CTScanner(models / "scanner.onnx", providers=on_gpu, require_gpu=True)
    apart = float(np.abs(cpu.heat_map(volume).probability - gpu.heat_map(volume).probability).max())
    rows = []
    for name, of in (("CT, lung field and network", "heat_map"), ("CT, to detections", "scan")):
        runs = {"cpu": partial(getattr(cpu, of), volume), "gpu": partial(getattr(gpu, of), volume)}
        rows.append(row(name, "slices", len(volume.hu), take_turns(runs, turns), apart))
    return rows


def row(what: str, unit: str, count: int, seconds: Mapping[str, list[float]], apart: float) -> dict[str, Any]:
    """Returns a line of the table: rates are medians, the ratio is the median of those within a turn."""
    return {
        "what": what,
        "unit": unit,
        "cpu_per_second": round(count / median(seconds, "cpu"), 1),
        "gpu_per_second": round(count / median(seconds, "gpu"), 1),
        "times_as_fast": round(faster(seconds, "gpu", "cpu"), 2),
        "max_difference": apart,
    }


def gpu_name() -> str:
    """Returns what the driver calls the first GPU."""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def table(result: Mapping[str, Any]) -> str:
    """Returns the result as a table in Markdown."""
    lines = [
        f"{result['gpu']} ({result['provider']}) against {result['cpus']} CPU cores, ONNX Runtime "
        f"{result['onnxruntime']}; a CT of {result['slices']} slices.",
        "",
        "| | CPU, a second | GPU, a second | times as fast | largest difference |",
        "|---|---|---|---|---|",
        *(
            f"| {one['what']} | {one['cpu_per_second']:,} {one['unit']} "
            f"| {one['gpu_per_second']:,} {one['unit']} "
            f"| {one['times_as_fast']} | {one['max_difference']:.1e} |"
            for one in result["rows"]
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
