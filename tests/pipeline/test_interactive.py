"""Components one by one, as in a notebook."""

import base64
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Artifact, InteractiveContext, LocalRunner, Pipeline

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Balance(HTMLParser):
    """Checks that every element is closed, and counts them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def context(root: Path) -> InteractiveContext:
    return InteractiveContext(Config(seed=10), root)


def test_components_run_on_what_those_before_them_made(context: InteractiveContext, steps: SimpleNamespace):
    three, four = steps.Start(start=3, component_id="Three"), steps.Start(start=4, component_id="Four")
    add = steps.Add(numbers=[three.outputs["number"], four.outputs["number"]])
    with pytest.raises(InputError, match="Three has not run"):
        context.run(add)
    context.run(three)
    context.run(four)
    result = context.run(add)
    assert (result.outputs["number"].uri / "number.txt").read_text() == "28"
    assert [one.uri.parts[-3] for one in result.inputs["numbers"]] == ["Three", "Four"]
    assert not result.cached
    again = context.run(add)
    assert again.cached
    assert again.outputs["number"].uri == result.outputs["number"].uri
    assert str(again) == f"Add (cached): number: {result.outputs['number'].uri}"
    forced = context.run(add, enable_cache=False)
    assert not forced.cached
    assert forced.outputs["number"].uri != result.outputs["number"].uri


def test_the_root_is_that_of_a_pipeline(context: InteractiveContext, steps: SimpleNamespace, root: Path):
    start = steps.Start(start=3)
    context.run(start)
    plan = LocalRunner(root).plan(Pipeline([start], Config(seed=10)))
    assert [one.runs for one in plan] == [False]


def test_a_result_shows_inputs_outputs_and_parameters(context: InteractiveContext, steps: SimpleNamespace):
    start = steps.Start(start=3)
    context.run(start)
    page = context.run(steps.Add(numbers=start.outputs["number"]))._repr_html_()
    Balance(page)
    for text in ("<b>Add</b> ran for", "Inputs", "numbers: Number", "number.txt", "Parameters", "sha256"):
        assert text in page
    assert "used again" in context.run(start)._repr_html_()


def test_an_artifact_shows_its_figures_and_small_tables(context: InteractiveContext, tmp_path: Path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/roc.png").write_bytes(PNG)
    (tmp_path / "figures/huge.png").write_bytes(PNG + b"0" * 500_000)
    (tmp_path / "metrics.json").write_text('{"auc": "<0.5>"}')
    for number in range(40):
        (tmp_path / f"file-{number:02d}").write_text("")
    shown = context.show(Artifact(tmp_path, {"name": '<script>alert("x")</script>'}))
    page = shown._repr_html_()
    assert Balance(page).seen.count("img") == 1
    assert "data:image/png;base64," + base64.b64encode(PNG).decode() in page
    assert "&lt;0.5&gt;" in page
    assert "<script" not in page
    assert "... and 13 more files" in page
    assert repr(shown) == f"Artifact: {tmp_path}"


def test_an_artifact_whose_files_are_gone_says_so(context: InteractiveContext, tmp_path: Path):
    assert "Its files are gone" in context.show(Artifact(tmp_path / "none"))._repr_html_()


def test_without_a_root_there_is_one(steps: SimpleNamespace):
    context = InteractiveContext()
    assert context.run(steps.Start(start=1)).outputs["number"].uri.is_relative_to(context.pipeline_root)
