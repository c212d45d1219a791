import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.pipeline import digests as module
from lungnet.pipeline.digests import Digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "inner").mkdir(parents=True)
    (made / "a.txt").write_text("a")
    (made / "inner/b.txt").write_text("b")
    return made


def test_a_file_is_its_sha256_and_a_folder_is_that_of_names_and_digests(folder: Path):
    a, b = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b"))
    with Digests() as digests:
        assert digests.of(folder / "a.txt") == a
        expected = hashlib.sha256(f"a.txt\0{a}\ninner/b.txt\0{b}\n".encode()).hexdigest()
        assert digests.of(folder) == expected


def test_a_folder_is_the_same_wherever_it_lies_and_whenever_it_was_touched(folder: Path, tmp_path: Path):
    with Digests() as digests:
        before = digests.of(folder)
        os.utime(folder / "a.txt", (1, 1))
        assert digests.of(folder) == before
        folder.rename(tmp_path / "elsewhere")
        assert digests.of(tmp_path / "elsewhere") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.txt").write_text("A"),
        lambda folder: (folder / "c.txt").write_text(""),
        lambda folder: (folder / "a.txt").unlink(),
        lambda folder: (folder / "a.txt").rename(folder / "inner/a.txt"),
    ],
    ids=["altered", "added", "removed", "moved"],
)
def test_every_change_shows(folder: Path, change):
    with Digests() as digests:
        before = digests.of(folder)
        change(folder)
        assert digests.of(folder) != before


def test_links_are_followed_once_and_hidden_files_are_not_seen(folder: Path, tmp_path: Path):
    with Digests() as digests:
        before = digests.of(folder)
        (folder / ".hidden").write_text("x")
        assert digests.of(folder) == before
        (folder / "round").symlink_to(folder)
        assert digests.of(folder) == before
        (tmp_path / "other").mkdir()
        (tmp_path / "other/c.txt").write_text("c")
        (folder / "other").symlink_to(tmp_path / "other")
        assert digests.of(folder) != before


def test_a_known_file_is_not_read_again_unless_asked_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    memory = tmp_path / "memory.sqlite"
    with Digests(memory) as digests:
        first = digests.of(folder)
    read: list[str] = []
    original = module._sha256

    def counted(file: Any) -> str:
        read.append(file.path)
        return original(file)

    monkeypatch.setattr(module, "_sha256", counted)
    with Digests(memory) as digests:
        assert digests.of(folder) == first
        assert read == []
    with Digests(memory, verify=True) as digests:
        assert digests.of(folder) == digests.of(folder) == first
    assert len(read) == 2  # once each, however often they are asked for
    (folder / "a.txt").write_text("longer")
    with Digests(memory) as digests:
        digests.of(folder)
    assert len(read) == 3


def test_moved_files_are_known_under_their_new_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "data-2").mkdir()
    with Digests() as digests:
        before = digests.of(folder)
        digests.of(tmp_path / "data-2")
        folder.rename(tmp_path / "new")
        digests.moved(folder, tmp_path / "new")
        monkeypatch.setattr(module, "_sha256", lambda file: pytest.fail(f"{file.path} was read"))
        assert digests.of(tmp_path / "new") == before


def test_a_damaged_memory_is_begun_anew(folder: Path, tmp_path: Path):
    memory = tmp_path / "memory.sqlite"
    memory.write_text("no database at all, but long enough to be looked at as one" * 20)
    with Digests(memory) as digests, Digests() as fresh:
        assert digests.of(folder) == fresh.of(folder)


def test_what_cannot_be_read_is_one_sentence(folder: Path):
    with Digests() as digests:
        with pytest.raises(InputError, match="none does not exist; expected a file or a folder"):
            digests.of(folder / "none")
        (folder / "broken").symlink_to(folder / "nowhere")
        with pytest.raises(InputError, match=r"Cannot read .*broken: No such file"):
            digests.of(folder)
