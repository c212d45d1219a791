import pytest

from lungnet.pipeline import Examples
from lungnet.pipeline.import_path import import_path, load_class


def test_a_class_is_found_by_its_path():
    assert import_path(Examples) == "lungnet.pipeline.artifacts:Examples"
    assert load_class(import_path(Examples)) is Examples


def test_what_is_not_there_is_a_defect():
    with pytest.raises(ModuleNotFoundError, match=r"lungnet\.nothing"):
        load_class("lungnet.nothing:Examples")
    with pytest.raises(AttributeError, match="Exampels"):
        load_class("lungnet.pipeline.artifacts:Exampels")
