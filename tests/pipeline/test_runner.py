"""What runs, what does not, and what a run leaves in the root."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Decision, LocalRunner, Pipeline, latest, look_at, no_progress
from lungnet.pipeline import sources as sources_module


class Watch:
    """Keeps the decisions of a run."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def __call__(self, decision: Decision):
        self.decisions.append(decision)
        return no_progress

    @property
    def ran(self) -> list[str]:
        return [one.component.id for one in self.decisions if one.runs]

    def reasons(self, component_id: str) -> tuple[str, ...]:
        return next(one.reasons for one in self.decisions if one.component.id == component_id)


def run(pipeline: Pipeline, root: Path, selected=None, **how) -> Watch:
    watch = Watch()
    LocalRunner(root, on_step=watch, **how).run(pipeline, selected)
    return watch


def number(root: Path, pipeline: Pipeline, component_id: str) -> str:
    channel = pipeline.component(component_id).outputs["number"]
    return (latest(root, channel).uri / "number.txt").read_text()


def seeded(pipeline: Pipeline, seed: int) -> Pipeline:
    return Pipeline(pipeline.nodes, Config(seed=seed))


def test_steps_run_in_order_and_leave_tfx_layout(pipeline: Pipeline, root: Path):
    made = LocalRunner(root).run(pipeline)
    # (3 + 10) + (4 + 10) + 1, by hand.
    assert (made["Add"]["number"].uri / "number.txt").read_text() == "28"
    visible = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and ".system" not in path.parts
    )
    assert visible == [
        "Add/number/3/number.txt",
        "Four/number/2/number.txt",
        "Three/number/1/number.txt",
        "metadata.sqlite",
    ]
    assert not list(root.glob("*/.system/*/*"))  # neither staging nor checkpoints of steps that are done


def test_nothing_runs_twice(pipeline: Pipeline, root: Path):
    assert run(pipeline, root).ran == ["Three", "Four", "Add"]
    again = run(pipeline, root)
    assert again.ran == []
    assert number(root, pipeline, "Add") == "28"


def test_a_changed_parameter_reruns_its_step_and_what_depends_on_it(
    steps: SimpleNamespace, pipeline: Pipeline, root: Path
):
    run(pipeline, root)
    three, _, add = pipeline.components
    five = steps.Start(start=5, component_id="Four")
    changed = Pipeline([three, five, add], pipeline.config)
    watch = run(changed, root)
    assert watch.ran == ["Four", "Add"]
    assert watch.reasons("Four") == ("parameter start: 4 -> 5",)
    assert watch.reasons("Add") == ("input numbers changed",)
    assert number(root, changed, "Add") == "29"
    assert run(pipeline, root).ran == []  # and back: both are there
    assert number(root, pipeline, "Add") == "28"


def test_an_input_that_is_made_anew_but_equal_reruns_nothing(
    steps: SimpleNamespace, pipeline: Pipeline, root: Path
):
    run(pipeline, root)
    watch = run(pipeline, root, pipeline.select(only="Three"), force=True)
    assert watch.ran == ["Three"]
    assert watch.reasons("Three") == ("asked for",)
    assert run(pipeline, root).ran == []


def test_a_files_time_says_nothing(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    os.utime(root / "Three/number/1/number.txt", (1, 1))
    assert run(pipeline, root).ran == []


def test_an_altered_artifact_is_found_and_made_again(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    (root / "Three/number/1/number.txt").write_text("99 bottles")
    watch = run(pipeline, root)
    assert watch.ran == ["Three"]
    assert watch.reasons("Three") == ("output number (Three/number/1) was altered",)
    assert number(root, pipeline, "Three") == "13"


def test_a_change_that_keeps_size_and_time_is_found_by_verifying(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    path = root / "Three/number/1/number.txt"
    before = path.stat()
    path.write_text("99")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(pipeline, root).ran == []
    assert run(pipeline, root, verify=True).ran == ["Three"]


def test_an_artifact_removed_by_hand_is_made_again(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    (root / "Three/number/1/number.txt").unlink()
    (root / "Three/number/1").rmdir()
    with pytest.raises(InputError, match="is gone: run Three again"):
        run(pipeline, root, pipeline.select(only="Add"))
    watch = run(pipeline, root)
    assert watch.ran == ["Three"]
    assert watch.reasons("Three") == ("output number (Three/number/1) is gone",)


def test_what_was_delivered_and_is_gone_is_delivered_again(
    pipeline: Pipeline, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    delivery = tmp_path / "served"
    delivery.mkdir()
    number = pipeline.component("Add").SPEC.outputs["number"]
    monkeypatch.setattr(number, "delivered", lambda artifact: [delivery])
    run(pipeline, root)
    assert run(pipeline, root).ran == []
    delivery.rmdir()
    assert run(pipeline, root).reasons("Add") == (f"{delivery} is gone",)


def test_an_edited_source_reruns_its_step(
    steps: SimpleNamespace, pipeline: Pipeline, root: Path, monkeypatch: pytest.MonkeyPatch
):
    run(pipeline, root)
    original = sources_module._digest
    monkeypatch.setattr(
        sources_module, "_digest", lambda path: "0" * 64 if path.name == "artifacts.py" else original(path)
    )
    watch = run(pipeline, root)
    assert watch.ran == ["Three", "Four", "Add"]
    assert watch.reasons("Three") == ("source lungnet.pipeline.artifacts changed",)


def test_another_version_of_a_library_reruns_all(
    pipeline: Pipeline, root: Path, monkeypatch: pytest.MonkeyPatch
):
    run(pipeline, root)
    before = sources_module.library_versions()["numpy"]
    monkeypatch.setattr(
        "lungnet.pipeline.ingredients.library_versions",
        lambda: {**sources_module.library_versions(), "numpy": "9.9"},
    )
    assert run(pipeline, root).reasons("Four") == (f"numpy {before} -> 9.9",)


def test_a_moved_root_is_still_whole(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    root.rename(root.with_name("elsewhere"))
    assert run(pipeline, root.with_name("elsewhere")).ran == []


def test_one_step_takes_what_was_made_last(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    changed = seeded(pipeline, 20)
    run(changed, root, changed.select(only="Three"))
    run(changed, root, changed.select(only="Add"))
    assert number(root, changed, "Add") == str((3 + 20) + (4 + 10) + 1)
    run(pipeline, root, pipeline.select(only="Three"))  # cached, and now the last one again
    run(pipeline, root, pipeline.select(only="Add"))
    assert number(root, pipeline, "Add") == "28"


def test_a_step_whose_inputs_were_never_made_is_refused(pipeline: Pipeline, root: Path):
    with pytest.raises(InputError, match=r"Three has not run in .*: its output 'number' is needed first"):
        run(pipeline, root, pipeline.select(first="Add"))
    with pytest.raises(InputError, match="Three has not run"):
        LocalRunner(root).plan(pipeline, pipeline.select(only="Add"))


def test_a_plan_says_why_and_changes_nothing(steps: SimpleNamespace, pipeline: Pipeline, root: Path):
    plan = LocalRunner(root).plan(pipeline)
    assert [one.reasons for one in plan] == [
        ("it has not run yet",),
        ("it has not run yet",),
        ("Four runs before it", "Three runs before it"),
    ]
    assert not root.exists()
    run(pipeline, root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert [one.runs for one in LocalRunner(root).plan(pipeline)] == [False] * 3
    changed = Pipeline(
        [steps.Start(start=-3, component_id="Three"), *pipeline.components[1:]], pipeline.config
    )
    plan = LocalRunner(root).plan(changed)
    assert [one.reasons for one in plan] == [("parameter start: 3 -> -3",), (), ("Three runs before it",)]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_outside_data_count_by_their_content(steps: SimpleNamespace, tmp_path: Path, root: Path):
    (tmp_path / "a.txt").write_text("5")
    (tmp_path / "b.txt").write_text("5")
    run(Pipeline([steps.Read(path=str(tmp_path / "a.txt"))], Config()), root)
    assert run(Pipeline([steps.Read(path=str(tmp_path / "b.txt"))], Config()), root).ran == []
    (tmp_path / "b.txt").write_text("6")
    watch = run(Pipeline([steps.Read(path=str(tmp_path / "b.txt"))], Config()), root)
    assert watch.ran == ["Read"]
    assert watch.reasons("Read")[0].startswith("parameter path: ")
    with pytest.raises(InputError, match=r"none\.txt does not exist"):
        run(Pipeline([steps.Read(path=str(tmp_path / "none.txt"))], Config()), root)


def test_two_roots_share_a_store_and_not_their_artifacts(pipeline: Pipeline, root: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'team.sqlite'}"
    other = root.with_name("other")
    assert run(pipeline, root, metadata=url).ran == ["Three", "Four", "Add"]
    assert run(pipeline, other, metadata=url).ran == ["Three", "Four", "Add"]
    assert run(pipeline, root, metadata=url).ran == []
    assert not (root / "metadata.sqlite").exists()
    with look_at(other, url) as session:
        assert len(session.store.artifacts(session.pipeline)) == 3


def test_a_store_that_was_deleted_costs_a_run_and_no_artifact(pipeline: Pipeline, root: Path):
    run(pipeline, root)
    run(seeded(pipeline, 20), root)
    before = {path: path.read_bytes() for path in root.rglob("number.txt")}
    (root / "metadata.sqlite").unlink()
    assert run(pipeline, root).ran == ["Three", "Four", "Add"]
    assert number(root, pipeline, "Add") == "28"
    assert {path: path.read_bytes() for path in before} == before
    assert run(pipeline, root).ran == []
