"""What ingest costs a series, how it scales over processes, and what memory a worker takes.

    python benchmarks/ingest.py --output ingest.json
    python benchmarks/ingest.py --series 24 --turns 3     # in a few minutes

Phantom series of realistic size (512 x 512 x 130, in a temporary folder: 70 MB each) are taken from folders
to TFRecords by the executor of LidcExampleGen, with one worker and with two, in turns, from a warm file
cache; the ratio is that of the medians. Costs of the steps are also measured on the two series of LIDC-IDRI
where `$LUNGNET_DATA/lidc` has them. A worker's memory is its peak resident set over series of 500 slices.
On a machine that does other work the ratio says little; the load average stands beside it, and the processor
time per series with one and with two workers, which is what they take from each other in caches and memory.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from turns import processor

from lungnet.components import LidcExampleGen
from lungnet.components.lidc_example_gen.annotated import annotate, annotated_archive
from lungnet.components.lidc_example_gen.executor import Executor
from lungnet.components.lidc_example_gen.sample import sample
from lungnet.components.lidc_example_gen.survey import series_to_json, survey
from lungnet.config import Config
from lungnet.cores import usable_cores
from lungnet.ct import SeriesFiles, find_series, read_series
from lungnet.files import write_json
from lungnet.phantom.dicom import write_series
from lungnet.phantom.patient import make_patient
from lungnet.phantom.reader_xml import reader_xml
from lungnet.phantom.sources import draw_source
from lungnet.pipeline import (
    Artifact,
    Cohort,
    Engine,
    Examples,
    ExecutorContext,
    ProgressFunction,
    no_progress,
)
from lungnet.pipeline.digests import Digests
from lungnet.presets import load_config

SLICES, TALL_SLICES = 130, 500
SETTINGS = ("selection.outlier_iqr=0",)


def main() -> None:
    """Prints what was measured, and writes it as JSON where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=96, help="phantom series to ingest (default 96)")
    parser.add_argument("--turns", type=int, default=5, help="turns with each number of workers (default 5)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if options.series < 4 or options.turns < 1:
        parser.error("--series must be at least 4 and --turns at least 1.")
    with tempfile.TemporaryDirectory(prefix="lungnet-ingest-") as folder:
        result = measure(Path(folder), options.series, options.turns)
    report(result)
    if options.output:
        write_json(options.output, result)


def measure(folder: Path, series: int, turns: int) -> dict[str, Any]:
    """Measures everything, with files below `folder`."""
    write_tall_phantoms(folder / "tall", 2, TALL_SLICES)
    memory = worker_memory(folder / "tall", folder / "memory")
    write_tall_phantoms(folder / "ct", series, SLICES)
    found = find_series(folder / "ct")
    real = Path(os.environ.get("LUNGNET_DATA", "")) / "lidc"
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {
            "cores": usable_cores(),
            "processor": processor(),
            "python": platform.python_version(),
        },
        "load_average": os.getloadavg()[0],
        "memory": memory,
        "phantom": costs(found[:6]),
        "lidc_idri": costs(find_series(real)) if real.is_dir() else None,
        "throughput": throughput(folder / "ct", folder / "runs", turns),
        "parent_kib_per_series": parent_memory(folder / "ct", folder / "archive"),
        "digest_mb_per_second": digest_rate(folder / "ct"),
    }


def write_tall_phantoms(folder: Path, count: int, slices: int) -> None:
    """Writes phantoms whose slabs go on upwards and downwards, mirrored, up to `slices` slices."""
    number = written = 0
    while written < count:
        number += 1
        if number % 12 == 0:  # slices too thick for the cohort
            continue
        patient = make_patient(draw_source(0, number), 0, number)
        below = (slices - len(patient.hu)) // 2
        above = slices - len(patient.hu) - below
        hu = np.pad(patient.hu, ((below, above), (0, 0), (0, 0)), mode="symmetric")
        bottom = patient.header.bottom_z_mm - below * patient.header.spacing_mm
        header = dataclasses.replace(patient.header, bottom_z_mm=bottom)
        home = folder / header.patient_id / header.study_uid / header.series_uid
        home.mkdir(parents=True)
        write_series(home, hu, header)
        (home / "001.xml").write_text(reader_xml(header.study_uid, header.series_uid, patient.sessions))
        written += 1


def ingest(data: Path, out: Path, workers: int, progress: ProgressFunction = no_progress) -> dict[str, float]:
    """Runs the step once; returns seconds by the clock and of the processor, and the series sampled."""
    sampled_at = 0.0

    def report_progress(done: int, total: int, text: str) -> None:
        nonlocal sampled_at
        sampled_at = time.perf_counter()  # what comes after the last report is done by the parent alone
        progress(done, total, text)

    component = LidcExampleGen(input_base=str(data))
    outputs: dict[str, list[Artifact]] = {
        "examples": [Examples(out / "examples")],
        "cohort": [Cohort(out / "cohort")],
    }
    for name in ("examples", "cohort", "work", "checkpoints"):
        (out / name).mkdir(parents=True)
    context = ExecutorContext(
        work_dir=out / "work",
        checkpoint_dir=out / "checkpoints",
        tensorboard_dir=out / "tensorboard",
        seed=0,
        progress=report_progress,
        runtime={"workers": workers},
    )
    properties = component.exec_properties(load_config("paper", settings=SETTINGS))
    before, start = processor_seconds(), time.perf_counter()
    Executor(context).Do({}, outputs, properties)
    end = time.perf_counter()
    return {
        "seconds": end - start,
        "writing_seconds": end - sampled_at,
        "processor_seconds": processor_seconds() - before,
        "series": len(context.series_uids),
    }


def throughput(data: Path, out: Path, turns: int) -> dict[str, Any]:
    """Ingests with one worker and with two, in turns; the first turn warms the cache and is not counted."""
    runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for turn in range(turns + 1):
        for workers, measured in runs.items():
            one = ingest(data, out / f"{turn}-{workers}", workers)
            if turn:
                measured.append(one)
    series = int(runs[1][0]["series"])
    seconds = {workers: [run["seconds"] for run in measured] for workers, measured in runs.items()}
    medians = {workers: statistics.median(values) for workers, values in seconds.items()}
    return {
        "series": series,
        "slices": SLICES,
        "turns": turns,
        "seconds": {str(workers): values for workers, values in seconds.items()},
        "series_per_second": {str(workers): series / value for workers, value in medians.items()},
        "processor_ms_per_series": {
            str(workers): 1e3 * statistics.median(run["processor_seconds"] for run in measured) / series
            for workers, measured in runs.items()
        },
        "writing_ms_per_series": 1e3 * statistics.median(run["writing_seconds"] for run in runs[1]) / series,
        "ratio": medians[1] / medians[2],
        "ratios": [one / two for one, two in zip(seconds[1], seconds[2], strict=True)],
    }


def costs(found: list[SeriesFiles]) -> dict[str, Any]:
    """Milliseconds of each step of a series: least of some runs each, then the mean over the series."""
    rules = Config().patches
    rows: list[dict[str, float]] = []
    for one in found:
        files = series_to_json(one)
        known = json.loads(annotate(files))
        ids = [nodule["nodule_id"] for nodule in known["nodules"] if nodule["readers"] >= 3]
        arguments = (files, known["scan"], ids, rules.model_dump(mode="json"), 0, "nodule")
        reading = milliseconds(lambda one=one: read_series(one))
        rows.append(
            {
                "find": milliseconds(lambda one=one: survey(str(one.folder))),
                "annotations": milliseconds(lambda files=files: annotate(files)),
                "read": reading,
                "sample": milliseconds(lambda arguments=arguments: sample(*arguments)) - reading,
                "slices": len(one.files),
                "megabytes": sum(path.stat().st_size for path in one.files) / 1e6,
            }
        )
    return {"series": len(rows), **{key: statistics.mean(row[key] for row in rows) for key in rows[0]}}


def milliseconds(call: Callable[[], object], runs: int = 5) -> float:
    """The least time of some runs: what the call itself takes, whatever else the machine does."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1e3 * min(taken)


def worker_memory(data: Path, out: Path) -> dict[str, float]:
    """The largest resident set that a worker of two ever had while it went over tall series."""
    peak = 0

    def look(done: int, total: int, text: str) -> None:
        nonlocal peak
        peak = max(peak, *map(peak_kib, children()), 0)  # workers wait for more until the last is done

    ingest(data, out, 2, look)
    return {"slices": TALL_SLICES, "peak_mib": peak / 1024}


def children() -> list[int]:
    """Process ids of this process's children."""
    listed = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return [int(pid) for text in listed for pid in text.split()]


def peak_kib(pid: int) -> int:
    """The largest resident set that a process ever had, without what its parent had before it began."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def parent_memory(data: Path, folder: Path) -> float:
    """KiB that the parent keeps of each further series until the splits are written."""
    patients = sorted(path for path in data.iterdir() if path.is_dir())
    half = folder / "half"
    half.mkdir(parents=True)
    for patient in patients[: len(patients) // 2]:
        (half / patient.name).symlink_to(patient)
    kept: list[tuple[int, int]] = []
    with Engine({"workers": 1}) as engine:
        for part, results in ((half, "first"), (half, "half"), (data, "all")):
            tracemalloc.start()
            found = annotated_archive(part, folder / results, engine)
            kept.append((tracemalloc.get_traced_memory()[0], len(found.archive)))
            tracemalloc.stop()
            del found
    (few_bytes, few), (many_bytes, many) = kept[1:]  # the first kept what is kept once for all series
    return (many_bytes - few_bytes) / 1024 / (many - few)


def digest_rate(data: Path) -> float:
    """MB of input a second that the launcher takes the digest of before a first run."""
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    with Digests() as digests:
        start = time.perf_counter()
        digests.of(data)
        return size / 1e6 / (time.perf_counter() - start)


def processor_seconds() -> float:
    """Seconds that processors spent on this process and on its children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def report(result: dict[str, Any]) -> None:
    """Prints the figures in a few lines."""
    for name in ("phantom", "lidc_idri"):
        if cost := result[name]:
            steps = ", ".join(
                f"{step} {cost[step]:.1f}" for step in ("find", "annotations", "read", "sample")
            )
            print(f"{name}: ms a series of {cost['slices']:.0f} slices: {steps}")
    flow = result["throughput"]
    rates = flow["series_per_second"]
    print(
        f"{flow['series']} series: {rates['1']:.2f} a second with one worker, {rates['2']:.2f} with two: "
        f"{flow['ratio']:.2f} times as many (load average {result['load_average']:.1f})"
    )
    print(
        f"a worker: {result['memory']['peak_mib']:.0f} MiB at most on series of {TALL_SLICES} slices; "
        f"the parent: {result['parent_kib_per_series']:.1f} KiB "
        f"and {flow['writing_ms_per_series']:.1f} ms a series"
    )


if __name__ == "__main__":
    sys.exit(main())
