"""Artifact types: what they are called, what they say of themselves, and what their properties may be."""

import inspect
from pathlib import Path

import pytest

from lungnet.pipeline import Artifact, Classifier, Examples, ModelBlessing, PushedModel, artifacts

TYPES = [
    kind
    for kind in vars(artifacts).values()
    if inspect.isclass(kind) and issubclass(kind, Artifact) and kind is not Artifact
]


def test_there_are_types():
    assert {"Examples", "Statistics", "Anomalies", "InfraBlessing", "PushedModel"} <= {
        kind.TYPE_NAME for kind in TYPES
    }


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.TYPE_NAME)
def test_every_type_draws_its_tree_and_explains_its_properties(kind: type[Artifact]):
    text = inspect.cleandoc(kind.__doc__ or "")
    _, tree, rest = text.split("```")
    assert tree.strip()
    for name in kind.PROPERTIES:
        assert name in rest.split("Properties:")[1]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.TYPE_NAME)
def test_no_property_has_to_be_there(kind: type[Artifact]):
    kind(Path("anywhere")).check_properties()


def test_properties_are_named_as_in_tfx():
    assert {"split_names", "span", "version"} <= set(Examples.PROPERTIES)
    assert ModelBlessing.PROPERTIES["blessed"] is int
    assert {"pushed", "pushed_destination", "pushed_version"} <= set(PushedModel.PROPERTIES)


def test_the_right_types_and_free_properties_pass():
    artifact = Examples(Path("x"), {"split_names": ["train"], "span": 3, "unit": "patient", "mine": None})
    artifact.check_properties()
    Classifier(Path("x"), {"threshold": 1}).check_properties()  # a whole number does for a float


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"blessed": "1"}, r"Property 'blessed' of ModelBlessing must be of type int\. Received: '1'"),
        ({"blessed": True}, "of type int"),  # TFX's users compare with 1
        ({"blessed": None}, "of type int"),
        ({"blessed": 1, "current_model_id": 7}, "'current_model_id' of ModelBlessing must be of type str"),
    ],
)
def test_a_wrong_type_is_refused(properties: dict, message: str):
    with pytest.raises(TypeError, match=message):
        ModelBlessing(Path("x"), properties).check_properties()
