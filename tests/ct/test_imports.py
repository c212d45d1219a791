"""Reading CT must not cost an import of TensorFlow."""

import subprocess
import sys

HEAVY = ("tensorflow", "keras", "matplotlib", "skimage", "sklearn")


def test_ct_imports_nothing_heavy():
    code = f"import sys, lungnet.ct; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
