"""How many times faster than SimpleITK `lungnet.ct.read_series` reads a CT series.

    python benchmarks/read_series.py /path/to/LIDC-IDRI-0003
    python benchmarks/read_series.py --output read_series.json

Both read the same folder into an array of Hounsfield units, in turns, from a warm file cache; the ratio is
that of the medians. SimpleITK is `ImageSeriesReader` with the file names of
`GetGDCMSeriesFileNames`, so that both search the folder; the ratio to its `Execute` alone, with the names
given, stands beside it. Without a folder LIDC-IDRI-0003 is taken from `$LUNGNET_DATA/lidc`.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lungnet.ct import Volume, find_series, read_series
from lungnet.files import write_json


def read_with_simpleitk(folder: Path) -> tuple[sitk.Image, float]:
    """Returns the image and the seconds that finding its files took."""
    start = time.perf_counter()
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    found = time.perf_counter() - start
    return reader.Execute(), found


def measure(folder: Path, runs: int) -> dict[str, object]:
    """Reads in turns and returns medians and ratios; the first turn warms the cache and is not counted."""
    ours, rival, rival_reading = [], [], []
    for turn in range(runs + 1):
        start = time.perf_counter()
        volume: Volume = read_series(folder)
        middle = time.perf_counter()
        image, found = read_with_simpleitk(folder)
        end = time.perf_counter()
        if not np.array_equal(volume.hu, sitk.GetArrayViewFromImage(image)):
            sys.exit(f"{folder}: lungnet and SimpleITK read different values.")
        if turn:
            ours.append(middle - start)
            rival.append(end - middle)
            rival_reading.append(end - middle - found)
    seconds = statistics.median(ours)
    return {
        "slices": len(volume.hu),
        "runs": runs,
        "lungnet_seconds": seconds,
        "simpleitk_seconds": statistics.median(rival),
        "simpleitk_execute_seconds": statistics.median(rival_reading),
        "ratio": statistics.median(rival) / seconds,
        "ratio_to_execute": statistics.median(rival_reading) / seconds,
        "simpleitk_version": sitk.Version.VersionString(),
    }


def main() -> None:
    """Prints one line, and writes the figures as JSON where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with one CT series in DICOM")
    parser.add_argument("--runs", type=int, default=15, help="turns that count (default 15)")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    folder = options.folder or Path(os.environ.get("LUNGNET_DATA", ".")) / "lidc" / "LIDC-IDRI-0003"
    if options.runs < 1:
        parser.error(f"--runs must be at least 1. Received: {options.runs}")
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder: name one with a CT series, or set LUNGNET_DATA.")
    (series,) = find_series(folder)  # SimpleITK does not search below the folder it is given
    result = measure(series.folder, options.runs)
    print(
        f"read_series: {result['ratio']:.1f} times as fast as SimpleITK's ImageSeriesReader with GDCM's file "
        f"names ({result['ratio_to_execute']:.1f} times its Execute alone) on {result['slices']} slices: "
        f"{result['lungnet_seconds']:.3f} s, {result['simpleitk_seconds']:.3f} s"
    )
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
