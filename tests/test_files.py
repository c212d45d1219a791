import json
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.files import atomic_path, write_json


def test_a_file_is_whole_or_not_there(tmp_path: Path):
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_path(tmp_path / "a.txt") as path:
        path.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_is_replaced_and_a_folder_never(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1, 2]})
    write_json(tmp_path / "a.json", {"b": 2})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 2}
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="a folder that exists already"), atomic_path(tmp_path / "folder"):
        pass


def test_a_parent_that_is_a_file_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write"):
        write_json(tmp_path / "file" / "a.json", {})
