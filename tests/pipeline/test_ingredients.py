from pathlib import Path
from types import SimpleNamespace

from lungnet.config import Config
from lungnet.pipeline import Artifact
from lungnet.pipeline.digests import Digests
from lungnet.pipeline.ingredients import Ingredients

BEFORE = Ingredients(
    version=1,
    executor="a:B",
    sources={"lungnet.a": "1", "lungnet.b": "2"},
    libraries={"numpy": "2.0"},
    parameters={"gan": {"width": 32, "steps": 5}, "seed": 0},
    inputs={"examples": ["x"]},
)


def changed(**values) -> Ingredients:
    return Ingredients(**{**BEFORE.to_json(), **values})


def test_each_ingredient_changes_the_key_and_has_its_own_words():
    cases = {
        "the component is another version": changed(version=2),
        "source lungnet.b changed": changed(sources={"lungnet.a": "1", "lungnet.b": "3"}),
        "numpy 2.0 -> 2.1": changed(libraries={"numpy": "2.1"}),
        "parameter gan.width: 32 -> 16": changed(parameters={"gan": {"width": 16, "steps": 5}, "seed": 0}),
        "input examples changed": changed(inputs={"examples": ["y"]}),
        "input baseline_model changed": changed(inputs={"examples": ["x"], "baseline_model": ["z"]}),
    }
    assert len({BEFORE.key, *(one.key for one in cases.values())}) == len(cases) + 1
    for words, one in cases.items():
        assert one.changes_since(BEFORE) == [words]


def test_equal_ingredients_have_one_key_and_no_changes():
    again = Ingredients.from_json(BEFORE.to_json())
    assert again is not None
    assert again.key == BEFORE.key
    assert again.changes_since(BEFORE) == []


def test_tuples_and_lists_are_alike():
    one, other = changed(parameters={"window": (1, 2)}), changed(parameters={"window": [1, 2]})
    assert one.key == other.key
    assert one.changes_since(other) == []


def test_what_is_no_record_of_ingredients_is_none():
    assert Ingredients.from_json({"of": 3}) is None


def test_they_are_gathered_from_the_component(steps: SimpleNamespace):
    inputs = {"numbers": [Artifact(Path("nowhere"), digest=text) for text in ("p", "q")]}
    with Digests() as digests:
        start = Ingredients.of(steps.Start(start=1), Config(seed=7), {}, digests)
        add = Ingredients.of(
            steps.Add(numbers=steps.Start(start=1).outputs["number"]), Config(), inputs, digests
        )
    assert start.parameters == {"start": 1, "seed": 7}
    assert add.inputs == {"numbers": ["p", "q"]}
    assert "number_steps" in add.sources
    assert "lungnet.pipeline.executor" in add.sources
