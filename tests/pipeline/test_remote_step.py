from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Channel, LatestBlessedModelResolver, Pipeline
from lungnet.pipeline.remote_step import RemoteStep, made_channels, remote_steps, sources_digest, waits


def digests(pipeline: Pipeline) -> dict[str, str]:
    return {name: step.ingredients for name, step in remote_steps(pipeline).items()}


def sum_of(steps: SimpleNamespace, three: int = 3, four: int = 4, seed: int = 10) -> Pipeline:
    """Two numbers, their sum plus one, and a number that has nothing to do with it."""
    first = steps.Start(start=three, component_id="Three")
    second = steps.Start(start=four, component_id="Four")
    add = steps.Add(numbers=[first.outputs["number"], second.outputs["number"]])
    return Pipeline([first, second, add, steps.Count(to=2)], Config(seed=seed))


def test_a_step_says_all_that_its_process_needs(pipeline: Pipeline, steps: SimpleNamespace):
    number = f"{steps.Number.__module__}:Number"
    add = remote_steps(pipeline)["Add"]
    assert add.executor == "number_steps:AddExecutor"
    assert add.inputs == {"numbers": (("numbers_1", number), ("numbers_2", number))}
    assert add.outputs == {"number": number}
    assert (add.parameters, add.external, add.seed) == ((), (), 10)
    three = remote_steps(pipeline)["Three"]
    assert three.parameters == ("start", "seed")
    assert three.sources == sources_digest("number_steps:NumberExecutor")


def test_a_step_survives_json(pipeline: Pipeline):
    for step in remote_steps(pipeline).values():
        assert RemoteStep.from_json(step.to_json()) == step
        assert "\n" not in step.to_json()


def test_many_artifacts_keep_their_order(steps: SimpleNamespace):
    starts = [steps.Start(start=number, component_id=f"Start{number}") for number in range(11)]
    add = steps.Add(numbers=[start.outputs["number"] for start in starts])
    step = remote_steps(Pipeline([*starts, add], Config()))["Add"]
    names = [name for name, _ in RemoteStep.from_json(step.to_json()).inputs["numbers"]]
    assert names == [f"numbers_{number}" for number in range(1, 12)]


@pytest.mark.parametrize(
    ("text", "where"), [("nothing", "JSON"), ("{}", "component_id"), ('{"component_id": 3}', "component_id")]
)
def test_what_is_no_step_is_one_sentence(text: str, where: str):
    with pytest.raises(InputError, match=f"no step that this lungnet was told to run \\({where}: "):
        RemoteStep.from_json(text)


def test_a_step_of_another_version_is_refused(pipeline: Pipeline):
    text = remote_steps(pipeline)["Three"].to_json().replace("{", '{"priority":1,', 1)
    with pytest.raises(InputError, match=r"\(priority: "):
        RemoteStep.from_json(text)


def test_the_digest_is_that_of_all_that_is_before_a_step(steps: SimpleNamespace):
    before, after = digests(sum_of(steps)), digests(sum_of(steps, three=5))
    assert {name for name in before if before[name] != after[name]} == {"Three", "Add"}
    assert digests(sum_of(steps)) == before
    # What a step takes first is not what it takes second.
    swapped = digests(sum_of(steps, three=4, four=3))
    assert swapped["Add"] != before["Add"]
    reseeded = digests(sum_of(steps, seed=11))
    assert {name for name in before if before[name] != reseeded[name]} == {"Three", "Four", "Add"}


def test_the_digest_says_nothing_of_data_outside(steps: SimpleNamespace):
    here = Pipeline([steps.Read(path="/here")], Config())
    there = Pipeline([steps.Read(path="/there")], Config())
    assert remote_steps(here) == remote_steps(there)
    assert remote_steps(here)["Read"].external == ("path",)
    assert remote_steps(here)["Read"].parameters == ()


def test_what_a_resolver_would_find_is_left_out(steps: SimpleNamespace):
    start = steps.Start(start=1)
    resolver = LatestBlessedModelResolver(Channel("Start", "number", steps.Word))
    add = steps.Add(numbers=[start.outputs["number"]], word=resolver.outputs["model"])
    pipeline = Pipeline([start, resolver, add], Config())
    assert list(made_channels(pipeline, pipeline.component("Add"))) == ["numbers"]
    assert list(remote_steps(pipeline)["Add"].inputs) == ["numbers"]


def test_what_cannot_do_without_a_resolver_is_refused(steps: SimpleNamespace):
    start = steps.Start(start=1)
    resolver = LatestBlessedModelResolver(start.outputs["number"])
    pipeline = Pipeline([start, resolver, steps.Add(numbers=resolver.outputs["model"])], Config())
    with pytest.raises(InputError, match="Add needs 'numbers' from LatestBlessedModelResolver"):
        remote_steps(pipeline)


def test_steps_wait_for_those_that_nobody_takes_from(steps: SimpleNamespace):
    """A -> B (a validator), A -> C -> D (a second one), C -> E, and F, which takes nothing."""

    def add(name: str, *taken: str) -> None:
        numbers = [made[one].outputs["number"] for one in taken]
        made[name] = steps.Add(numbers=numbers, component_id=name)

    made = {"A": steps.Start(start=1, component_id="A")}
    add("B", "A")
    add("C", "A")
    add("D", "C")
    add("E", "C")
    made["F"] = steps.Start(start=2, component_id="F")
    found = waits(Pipeline(list(made.values()), Config()))
    assert found == {
        "A": [],
        "B": [],
        "C": ["B"],
        "D": [],  # C waits for B already
        "E": ["D"],
        "F": ["B", "D", "E"],
    }


def test_sources_that_are_not_there():
    with pytest.raises(ModuleNotFoundError, match="nothing_there"):
        sources_digest("nothing_there:Executor")
