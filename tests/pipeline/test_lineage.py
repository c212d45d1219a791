"""What led to an artifact, on a pipeline that reads a number from outside and adds to it."""

import json
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import LocalRunner, Pipeline, look_at
from lungnet.pipeline.lineage import Lineage, facts, find_artifact, trace
from lungnet.pipeline.lineage_drawing import _edges, _routes, to_html, to_mermaid, to_svg
from lungnet.pipeline.metadata_records import StoredArtifact


@pytest.fixture
def grown(steps: SimpleNamespace, root: Path, tmp_path: Path) -> Path:
    """Read and Start, added up, and one more added to both sums."""
    (tmp_path / "outside.txt").write_text("5")
    read, start = steps.Read(path=str(tmp_path / "outside.txt")), steps.Start(start=3)
    add = steps.Add(numbers=[read.outputs["number"], start.outputs["number"]])
    last = steps.Add(component_id="Last", numbers=[add.outputs["number"], start.outputs["number"]])
    LocalRunner(root).run(Pipeline([read, start, add, last], Config()))
    return root


def traced(root: Path, name: str | None) -> Lineage:
    with look_at(root) as session:
        return trace(session, find_artifact(session, name))


def test_it_goes_back_to_the_series(grown: Path):
    lineage = traced(grown, "Last/number/4")
    assert {one.uri for one in lineage.artifacts.values()} == {
        "Last/number/4",
        "Add/number/3",
        "Start/number/2",
        "Read/number/1",
    }
    assert lineage.series_uids == {1: ["1.2.3", "1.2.4"], 2: [], 3: [], 4: []}
    assert [(key, one.uri) for key, one in lineage.before(lineage.target.id)] == [
        ("numbers", "Add/number/3"),
        ("numbers", "Start/number/2"),
    ]


def test_what_did_not_lead_there_is_left_out(grown: Path):
    assert [one.uri for one in traced(grown, "Start/number/2").artifacts.values()] == ["Start/number/2"]


def test_an_artifact_has_many_names(grown: Path, monkeypatch: pytest.MonkeyPatch):
    with look_at(grown) as session:
        expected = find_artifact(session, "Add/number/3")
        names = [
            str(expected.id),
            str(grown / "Add/number/3"),
            str(grown / "Add/number/3/number.txt"),
            "Add/number/3/number.txt",
            "Add",
            "Add/number",
        ]
        assert [find_artifact(session, name) for name in names] == [expected] * len(names)
        monkeypatch.chdir(grown / "Add")
        assert find_artifact(session, "number/3") == expected
        assert find_artifact(session, None).uri == "Last/number/4"  # no model there: the newest


def test_an_unknown_artifact_names_the_closest(grown: Path):
    message = r"No artifact 'Start/nubmer/2' in .* \(did you mean Start/number/2\?\)"
    with look_at(grown) as session, pytest.raises(InputError, match=message):
        find_artifact(session, "Start/nubmer/2")


def test_a_root_without_runs_is_one_sentence(root: Path):
    with look_at(root) as session, pytest.raises(InputError, match="has no artifacts yet"):
        find_artifact(session, None)


def test_json_has_all_of_it(grown: Path):
    values = json.loads(json.dumps(traced(grown, "Last/number/4").to_json()))
    executions = {one["component"]: one for one in values["executions"]}
    assert executions["Read"]["series_uids"] == ["1.2.3", "1.2.4"]
    assert executions["Start"]["ingredients"]["parameters"] == {"start": 3, "seed": 0}
    assert len(values["artifacts"]) == 4


def test_mermaid_names_nodes_edges_and_series(grown: Path):
    lineage = traced(grown, "Last/number/4")
    lines = to_mermaid(lineage).splitlines()
    assert lines[0] == "flowchart TD"
    ids = {one.uri: one.id for one in lineage.artifacts.values()}
    assert f'  a{ids["Add/number/3"]} -- "numbers" --> a{ids["Last/number/4"]}' in lines
    assert '  s1(["2 CT series"])' in lines
    assert f"  s1 --> a{ids['Read/number/1']}" in lines


class Balance(HTMLParser):
    """Checks that every element is closed, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        if tag not in ("meta", "br", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_asks_for_nothing(grown: Path):
    page = to_html(traced(grown, "Last/number/4"))
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    for text in ("Last/number/4", "2 CT series", "1.2.4", "Start, execution 2"):
        assert text in parser.text
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_drawing_alone_is_a_whole_file(grown: Path):
    drawing = to_svg(traced(grown, "Last/number/4"))
    parser = Balance()
    parser.feed(drawing)
    assert parser.open == []
    assert drawing.startswith('<svg xmlns="http://www.w3.org/2000/svg" ')
    assert "<style>" in drawing
    assert drawing.count("<rect ") == 5  # four numbers and the CT series


def test_hostile_names_are_escaped(grown: Path):
    lineage = traced(grown, "Start/number/2")
    bad = '<img src=x onerror=alert(1)>"]; click'
    target = StoredArtifact(lineage.target.id, bad, bad, "LIVE", "d", {"name": bad}, 0.0)
    hostile = Lineage(target, {target.id: target}, lineage.makers, lineage.inputs, lineage.series_uids)
    assert "<img" not in to_html(hostile)
    Balance().feed(to_html(hostile))
    assert all(mark not in to_mermaid(hostile) for mark in ("<img", '"];'))


def test_a_line_never_runs_behind_a_box(grown: Path):
    layers, routes = _routes(_edges(traced(grown, "Last/number/4")))
    level = {node: number for number, layer in enumerate(layers) for node in layer}
    for route in routes:
        assert [level[node] for node in route] == list(range(level[route[0]], level[route[-1]] + 1))


def test_facts_are_short(grown: Path):
    artifact = StoredArtifact(1, "A", "u", "LIVE", "d", {"auc": 0.5, "long": "x" * 99, "name": "n"}, 0.0)
    assert facts(artifact) == "auc=0.5, name=n"
