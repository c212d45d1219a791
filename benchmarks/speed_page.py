"""Writes docs/speed.md from what the benchmarks of speed wrote, so that no figure there is typed by hand.

    python benchmarks/onnx_patches.py --output speed/onnx_patches.json     # and so on, see `LINES`
    python benchmarks/speed_page.py speed

Takes the files that are in the folder, named after the benchmarks; `server_soak.json` is that of
`server_load.py --seconds 600 --abuse`, `server_load_one_process.json` that of `server_load.py --workers 1`.
"""

import argparse
import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from turns import processor

from lungnet.cores import usable_cores
from lungnet.evaluation.markdown import markdown_table
from lungnet.files import write_text

REPOSITORY = Path(__file__).resolve().parents[1]
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        what: that was measured.
        told: the figure, from the benchmark's file.
        command: that measures it, behind `python benchmarks/`.
        file: the benchmark's, without its suffix.
    """

    what: str
    told: Callable[[Found], str]
    command: str
    file: str


def _patches(found: Found) -> str:
    rate = found["patches_per_second"]["lungnet"]
    return (
        f"{rate:,} patches a second: {found['times_as_fast_as_tf2onnx']} times the plain tf2onnx graph, "
        f"{found['times_as_fast_as_keras_predict']} times `keras.Model.predict`, "
        f"{found['share_of_numpy_matmul']} of the floating-point rate of NumPy's matrix product"
    )


def _scan(found: Found) -> str:
    shares = ", ".join(
        f"{name.replace('_', ' ')} {100 * share:.0f} %" for name, share in found["share"].items()
    )
    return (
        f"{found['seconds']:.1f} s and {found['peak_memory_mib']} MiB for {found['slices']} slices, process "
        f"start included ({shares})"
    )


def _server(found: Found) -> str:
    rate = median(found["patches_per_second"])
    slowest = max(p99 / p50 for p50, p99 in zip(found["p50_ms"], found["p99_ms"], strict=True))
    one = median(found["direct_patches_per_second"]["one_batch_on_all_cores"])
    return (
        f"{rate:,.0f} patches a second for 32 clients: {found['share_of_direct']:.2f} of the faster of two "
        f"ways of calling the runtime with the same batches, {rate / one:.2f} of one batch after the other; "
        f"p99 {slowest:.1f} medians"
    )


def _soak(found: Found) -> str:
    memory = ", ".join(f"{mib:.0f}" for mib in found["resident_mib"])
    return (
        f"{found['requests']:,} good requests, {len(found['failed'])} failed, {found['versions']} versions; "
        f"memory at the start and after each third: {memory} MiB"
    )


LINES = (
    Line(
        "GAN: generator steps, against a plain Keras class",
        lambda found: f"{found['times_as_fast_as_keras']} times",
        "gan_speed.py",
        "gan_speed",
    ),
    Line(
        "Autoencoder: layer by layer, against computing earlier layers again",
        lambda found: (
            f"{found['times_as_fast_as_keras']} times one in Keras, "
            f"{found['times_as_fast_as_recomputing']} times one with our own layers"
        ),
        "layerwise_speed.py",
        "layerwise_speed",
    ),
    Line(
        "CALM: one iteration on 8,676 x 450 features",
        lambda found: f"{next(iter(found['runs'].values()))['seconds']['best_of_forest']:.2f} s",
        "calm_iteration.py",
        "calm_iteration",
    ),
    Line("Patches, ONNX Runtime on the CPU", _patches, "onnx_patches.py", "onnx_patches"),
    Line(
        "Whole slices, against patch by patch at the same positions",
        lambda found: f"{found['times_as_fast']} times ({found['milliseconds_a_slice']} ms a slice)",
        "scan_slices.py",
        "scan_slices",
    ),
    Line(
        "LIDC-IDRI-0001, from folder to detections",
        _scan,
        "scan_ct.py --model serving/model/scanner.onnx",
        "scan_ct",
    ),
    Line("Server, a process for each core", _server, "server_load.py --model-dir DIR", "server_load"),
    Line(
        "Server, one process",
        _server,
        "server_load.py --model-dir DIR --workers 1",
        "server_load_one_process",
    ),
    Line(
        "Server, ten minutes with reloads, malformed requests and dropped connections",
        _soak,
        "server_load.py --model-dir DIR --seconds 600 --abuse",
        "server_soak",
    ),
)


def page(folder: Path) -> str:
    """Returns the page of the files in a folder."""
    found = {line.file: folder / f"{line.file}.json" for line in LINES}
    read = {name: json.loads(path.read_text("utf-8")) for name, path in found.items() if path.exists()}
    body = [
        (line.what, line.told(read[line.file]), f"`{line.command}`") for line in LINES if line.file in read
    ]
    date = datetime.date.fromtimestamp(max(found[name].stat().st_mtime for name in read))
    loads = [one["load_average"] for name, one in read.items() if not name.startswith("server")]
    return (
        "# Speed\n\n"
        f"Written by `benchmarks/speed_page.py` on {date.isoformat()}; not edited by hand. "
        f"{usable_cores()} cores, {processor()}.\n\n"
        f"{markdown_table(('What', 'Measured', 'python benchmarks/...'), body)}\n\n"
        "Ratios are of runs that took turns on the same machine, medians over turns. The load average at the "
        f"end of a benchmark was {min(loads)} to {max(loads)}, its own work included (the server's "
        "apart, which fills the cores itself).\n"
    )


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with what the benchmarks wrote")
    options = parser.parse_args()
    write_text(REPOSITORY / "docs" / "speed.md", page(options.folder))


if __name__ == "__main__":
    main()
