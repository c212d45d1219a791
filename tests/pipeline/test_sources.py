"""The import closure, read from the source."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungnet.pipeline import sources
from lungnet.pipeline.sources import library_versions, source_digests


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that imports in every way there is."""
    files = {
        "zoo/__init__.py": "from .keeper import feed\nfrom . import gate\n",
        "zoo/keeper.py": "def feed(): ...\n",
        "zoo/gate.py": "",
        "zoo/unused.py": "import zoo.lion\n",
        "zoo/lion.py": "import os\nfrom zoo.cats import purr\ndef roar():\n from .deep.well import water\n",
        "zoo/cats/__init__.py": "import lazy_loader\n",
        "zoo/cats/__init__.pyi": "from .purring import purr as purr\nfrom .hissing import hiss as hiss\n",
        "zoo/cats/purring.py": "from zoo import feed\n",
        "zoo/cats/hissing.py": "",
        "zoo/deep/__init__.py": "",
        "zoo/deep/well.py": "import zoo.deep.bottom\nfrom ..gate import anything\n",
        "zoo/deep/bottom.py": "import zoo.lion\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for cached in (sources._file_of, sources._digest, sources._imports, sources._exports):
        cached.cache_clear()


def test_the_closure_follows_every_way_of_importing(package: Path):
    assert list(source_digests("zoo.lion")) == [
        "zoo.cats.purring",  # through the lazy package's stub
        "zoo.deep.bottom",
        "zoo.deep.well",  # imported inside a function
        "zoo.gate",  # relative, two levels up
        "zoo.keeper",  # passed on by the package's __init__
        "zoo.lion",  # and round again
    ]


def test_a_module_nobody_imports_is_not_in_it(package: Path):
    assert "zoo.unused" not in source_digests("zoo.lion")
    assert "zoo.cats.hissing" not in source_digests("zoo.lion")


def test_a_deep_edit_changes_one_digest(package: Path):
    before = source_digests("zoo.lion")
    sources._digest.cache_clear()
    (package / "zoo/keeper.py").write_text("def feed(): return 1\n")
    after = source_digests("zoo.lion")
    assert {name for name in before if before[name] != after[name]} == {"zoo.keeper"}


def test_an_unknown_module_is_refused(package: Path):
    with pytest.raises(ModuleNotFoundError, match=r"zoo\.tiger"):
        source_digests("zoo.tiger")


def test_executors_hang_on_what_they_use_and_on_nothing_else():
    gan = set(source_digests("lungnet.components.gan_trainer.executor"))
    assert {"lungnet.models.gan", "lungnet.models.gan_networks", "lungnet.patches.tfrecords"} <= gan
    assert {"lungnet.hashing", "lungnet.config.learning", "lungnet.config.section"} <= gan
    assert "lungnet.config.delivery" not in gan
    rooms = {room for name in gan for room in name.split(".")[1:2]}
    assert not rooms & {"cli", "lidc", "evaluation", "phantom", "serving"}
    assert "lungnet.models.calm" not in gan
    calm = set(source_digests("lungnet.components.calm_trainer.executor"))
    assert {"lungnet.models.calm", "lungnet.models.dissimilarity", "lungnet.models.cluster_centers"} <= calm


@pytest.mark.parametrize("step", ["statistics_gen", "gan_trainer", "evaluator"])
def test_the_closure_holds_every_module_that_is_really_imported(step: str):
    module = f"lungnet.components.{step}.executor"
    code = f"import sys, {module}; print(*(n for n in sys.modules if n.startswith('lungnet.')))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    missed = set(printed.split()) - set(source_digests(module))
    # Python also runs the packages on the way to a module, of which nothing is taken; importing
    # lungnet.components brings the specifications of all steps, and the pipeline with its count of cores.
    on_the_way = {name.rpartition(".")[0] for name in printed.split()}
    specifications = (
        *("lungnet.components", "lungnet.pipeline", "lungnet.cores"),
        *("lungnet.config", "lungnet.errors"),
    )
    assert {name for name in missed - on_the_way if not name.startswith(specifications)} == set()


def test_versions_are_those_of_the_installed_libraries():
    versions = library_versions()
    assert set(versions) == {"tensorflow", "keras", "numpy"}
    assert versions["numpy"].startswith("2.")
