from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Pipeline


def test_an_unknown_step_names_the_closest(pipeline: Pipeline):
    with pytest.raises(InputError, match=r"No step 'Thre' \(did you mean 'Three'\?\)"):
        pipeline.component("Thre")


def test_order_and_names_are_checked(steps: SimpleNamespace):
    start = steps.Start(start=1)
    add = steps.Add(numbers=start.outputs["number"])
    with pytest.raises(InputError, match="Add needs Start, which is not before it"):
        Pipeline([add, start], Config())
    with pytest.raises(InputError, match="Two components are named 'Start'"):
        Pipeline([start, steps.Start(start=2)], Config())


def ids(components) -> list[str]:
    return [component.id for component in components]


def test_a_part_is_chosen_by_its_ends(pipeline: Pipeline):
    assert ids(pipeline.select()) == ["Three", "Four", "Add"]
    assert ids(pipeline.select(only="Four")) == ["Four"]
    assert ids(pipeline.select(first="Four")) == ["Four", "Add"]
    assert ids(pipeline.select(last="Four")) == ["Three", "Four"]
    assert ids(pipeline.select(first="Four", last="Four")) == ["Four"]


def test_a_part_that_cannot_be_is_refused(pipeline: Pipeline):
    with pytest.raises(InputError, match="Three comes before Add"):
        pipeline.select(first="Add", last="Three")
    with pytest.raises(InputError, match="One step alone excludes"):
        pipeline.select(only="Four", first="Three")
    with pytest.raises(InputError, match="did you mean 'Four'"):
        pipeline.select(only="Fuor")
