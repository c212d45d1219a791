import subprocess
import sys
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).resolve().parents[2] / "serving" / "examples"


def test_python_example_runs_without_lungnet(classifier_file, tmp_path):
    patches = tmp_path / "patches.npy"
    np.save(patches, np.array([-1000, 500], np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16))
    example = EXAMPLES / "python_onnxruntime.py"

    # -I: neither the current folder nor PYTHONPATH can lend it anything.
    result = subprocess.run(
        [sys.executable, "-I", example, classifier_file, patches], capture_output=True, text=True, check=True
    )

    assert "lungnet" not in example.read_text().split('"""')[2]
    assert result.stdout.splitlines() == ["0.2689 negative cluster 0", "0.8176 positive cluster 1"]
