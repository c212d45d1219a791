"""How a process may end, and what is said of it."""

import sys
from pathlib import Path

from lungnet.components.infra_validator.fresh_process import python_module, run_fresh


def run(code: str, folder: Path, timeout_s: float = 60.0) -> str | None:
    return run_fresh([sys.executable, "-c", code], folder, timeout_s)


def test_one_that_ends_well(tmp_path):
    assert run("print('done')", tmp_path) is None
    assert (tmp_path / "output.txt").read_text() == "done\n"


def test_a_crash_is_named_by_its_signal(tmp_path):
    assert run("import os; os.abort()", tmp_path) == "it was ended by SIGABRT"


def test_a_traceback_becomes_its_last_line(tmp_path):
    assert run("raise RuntimeError('no luck')", tmp_path) == "RuntimeError: no luck"


def test_a_silent_failure_has_its_status(tmp_path):
    assert run("import sys; sys.exit(3)", tmp_path) == "it ended with status 3"


def test_one_that_hangs_is_ended(tmp_path):
    assert run("while True: pass", tmp_path, timeout_s=0.5) == "it did not answer within 0.5 s"


def test_it_inherits_no_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("LUNGNET_ID_KEY", "the key of the tests, no secret")
    names = "'TF_CPP_MIN_LOG_LEVEL', 'LUNGNET_ID_KEY'"
    assert run(f"import os, sys; sys.exit(bool({{{names}}} & set(os.environ)))", tmp_path) is None


def test_lungnet_is_found_from_a_checkout_and_brings_no_tensorflow(tmp_path):
    code = "import sys, lungnet.serving.probe; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert run(code, tmp_path) is None


def test_a_module_is_run_by_name(tmp_path):
    assert run_fresh(python_module("platform"), tmp_path, 60.0) is None
    failure = run_fresh(python_module("no_such_module"), tmp_path, 60.0)
    assert failure is not None
    assert failure.endswith("No module named no_such_module")
