"""Importing the room is light."""

import subprocess
import sys


def test_importing_the_package_and_the_tables_imports_nothing_heavy():
    code = (
        "import sys, lungnet.evaluation as e; e.table_markdown; e.classification_report; e.evaluate; "
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'skimage'} & set(sys.modules); "
        "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_of_the_stub_is_there():
    import lungnet.evaluation

    assert len(dir(lungnet.evaluation)) >= 40
    for name in dir(lungnet.evaluation):
        assert callable(getattr(lungnet.evaluation, name)) or name.isupper()
