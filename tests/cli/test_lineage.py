import json
from collections.abc import Callable
from pathlib import Path


def test_the_tree_of_a_model_reaches_the_examples(finished, lungnet: Callable):
    result = lungnet("lineage", finished.output("OnnxExporter", "model"), "--root", finished.root)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("OnnxModel OnnxExporter/model/")
    assert "data_description" not in result.out  # too long for a line
    for component in ("CalmTrainer", "CaeTrainer", "GanTrainer", "Augmenter", "ArrayExampleGen"):
        assert any(f" {component} #" in line for line in lines)
    assert sum("(see above)" in line for line in lines) >= 2
    everything = lungnet("lineage", "--all", "--root", finished.root).out
    assert '"generator_steps": 2' in everything


def test_other_forms(finished, lungnet: Callable, tmp_path: Path):
    assert lungnet("lineage", "--mermaid", "--root", finished.root).out.startswith("flowchart TD\n")
    assert json.loads(lungnet("lineage", "--json", "--root", finished.root).out)["artifacts"]
    result = lungnet("lineage", "--html", tmp_path / "page.html", "--root", finished.root)
    assert result.out == ""
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_what_is_no_store_is_said(finished, lungnet: Callable, tmp_path: Path):
    (tmp_path / "metadata.sqlite").write_text("hello, this is no database" * 100)
    result = lungnet("lineage", "--root", tmp_path)
    assert result.code == 1
    assert "cannot be used: file is not a database" in result.err
    assert "has no artifacts yet" in lungnet("lineage", "--root", tmp_path / "none").err
    assert "did you mean" in lungnet("lineage", "CalmTrainer/clasifier", "--root", finished.root).err
