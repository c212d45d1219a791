import importlib
import os
import sys

import pytest

from lungnet.cli.quiet import import_tensorflow
from lungnet.errors import InputError


def test_a_missing_tensorflow_names_the_pip_line(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"tensorflow is missing\): pip install 'lungnet\[train,cpu\]'"):
        import_tensorflow()


def test_what_the_libraries_print_is_shown_only_if_they_fail(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    def banner(name: str) -> None:
        os.write(2, b"banner")

    def broken(name: str) -> None:
        os.write(2, b"reason")
        raise ImportError("broken")

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(importlib, "import_module", banner)
    import_tensorflow()
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ImportError, match="broken"):
        import_tensorflow()
    assert capfd.readouterr().err == "reason"
