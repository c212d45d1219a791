import subprocess
import sys


def test_importing_the_package_imports_no_tensorflow():
    code = (
        "import sys, lungnet.export; "
        "assert 'check_parity' in dir(lungnet.export); "
        "lungnet.export.check_parity; "
        "heavy = {'tensorflow', 'keras', 'tf2onnx', 'onnx', 'onnxruntime', 'sklearn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
