"""Classifies patches with ONNX Runtime and NumPy; nothing of lungnet is needed.

python python_onnxruntime.py classifier.onnx patches.npy
"""

import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
threshold = float(session.get_modelmeta().custom_metadata_map["threshold"])
patches_hu = np.load(sys.argv[2])  # int16 (n, 40, 40), Hounsfield units
probability, cluster = session.run(["probability", "cluster"], {"patches_hu": patches_hu})
for p, c in zip(probability, cluster, strict=True):
    print(f"{p:.7f}", "positive" if p >= threshold else "negative", f"cluster {c}")
