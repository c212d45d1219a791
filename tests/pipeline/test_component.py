from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import UPSTREAM, Channel, Component, ComponentSpec, Parameter


def test_a_spec_refuses_what_is_no_artifact_type():
    with pytest.raises(TypeError, match="'examples' must name an artifact type"):
        ComponentSpec(inputs={"examples": int}, outputs={})  # type: ignore[dict-item]


def test_a_spec_refuses_a_parameter_that_config_lacks():
    with pytest.raises(TypeError, match=r"no field 'gan\.colour'"):
        ComponentSpec(inputs={}, outputs={}, parameters={"colour": Parameter("gan.colour")})


def test_a_class_without_spec_or_executor_is_refused():
    with pytest.raises(TypeError, match="needs a SPEC"):
        type("Empty", (Component,), {})
    with pytest.raises(TypeError, match='"module:class"'):
        type("Empty", (Component,), {"SPEC": ComponentSpec(inputs={}, outputs={}), "EXECUTOR": "module"})


def test_wrong_wiring_is_refused_before_anything_runs(steps: SimpleNamespace):
    with pytest.raises(InputError, match="needs the parameter 'start'"):
        steps.Start()
    with pytest.raises(InputError, match="needs the input 'numbers'"):
        steps.Add()
    with pytest.raises(InputError, match=r"takes no 'nubmers'; expected one of numbers, word"):
        steps.Add(nubmers=steps.Start(start=1).outputs["number"])
    with pytest.raises(InputError, match="takes Number as 'numbers'"):
        steps.Add(numbers=Channel("Other", "word", steps.Word))
    with pytest.raises(InputError, match="takes one channel as 'word'"):
        steps.Add(numbers=steps.Start(start=1).outputs["number"], word=[])


def test_a_parameter_from_the_configuration_cannot_be_given_by_hand(steps: SimpleNamespace):
    with pytest.raises(InputError, match="takes no 'seed'"):
        steps.Start(start=1, seed=3)


def test_exec_properties_are_json_of_config_and_arguments(steps: SimpleNamespace):
    assert steps.Start(start=1).exec_properties(Config(seed=5)) == {"start": 1, "seed": 5}
    nested = ComponentSpec(
        inputs={}, outputs={}, parameters={"latent": Parameter("gan.latent_dim"), "all": Parameter(UPSTREAM)}
    )
    component = type("Nested", (Component,), {"SPEC": nested, "EXECUTOR": "a:b"})()
    properties = component.exec_properties(Config())
    assert properties["latent"] == 128
    assert properties["all"]["gan"]["latent_dim"] == 128
