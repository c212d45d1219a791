"""Asks the real pylidc 0.2.3 what it says of all 1,018 scans and stores it as a small fixture.

pylidc imports only on Python 3.11 with an old setuptools, so it gets an environment of its own:

    python3.11 -m venv /tmp/pylidc && /tmp/pylidc/bin/pip install "setuptools<81" pylidc==0.2.3
    /tmp/pylidc/bin/python tests/lidc/make_pylidc_truth.py tests/lidc/pylidc_truth.json.gz

It takes over 5 minutes. The tests read the file and never need pylidc's code. It holds

- `clusters`: scan id -> clusters, each a list of annotation ids, in the order of
  `Scan.cluster_annotations()` with default arguments;
- `masks`: for every 23rd annotation `[annotation id, i0, j0, k0, shape (i, j, k), voxels, digest]`
  of `Annotation.boolean_mask()`: the digest is the SHA-256 (16 digits) of the packed mask in (k, i, j)
  order.
"""

import gzip
import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

MASK_STEP = 23


def main(path: str) -> None:
    """Writes the fixture to `path`."""
    warnings.simplefilter("ignore")
    for name, kind in (("int", int), ("float", float)):  # names that NumPy 1.24 took away
        setattr(np, name, kind)
    import pylidc

    clusters = {
        str(scan.id): [[annotation.id for annotation in cluster] for cluster in scan.cluster_annotations()]
        for scan in pylidc.query(pylidc.Scan).order_by(pylidc.Scan.id)
    }
    masks = []
    for annotation in pylidc.query(pylidc.Annotation).order_by(pylidc.Annotation.id).all()[::MASK_STEP]:
        mask = annotation.boolean_mask()
        i0, j0, k0 = (int(low) for low in annotation.bbox_matrix()[:, 0])
        packed = np.packbits(np.ascontiguousarray(mask.transpose(2, 0, 1))).tobytes()
        digest = hashlib.sha256(packed).hexdigest()[:16]
        masks.append([annotation.id, i0, j0, k0, list(mask.shape), int(mask.sum()), digest])
    text = json.dumps({"pylidc": "0.2.3", "clusters": clusters, "masks": masks}, separators=(",", ":"))
    Path(path).write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
