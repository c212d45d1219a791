from pathlib import Path

import pytest

from lungnet.cli.options import eval_groups_setting
from lungnet.errors import InputError
from lungnet.presets import load_config


def held_out(eval_groups: str | None) -> tuple[str, ...]:
    return load_config("paper", settings=eval_groups_setting(eval_groups)).split.eval_groups


def test_groups_are_named_or_stand_in_a_file(tmp_path: Path) -> None:
    assert held_out(None) == ()
    assert held_out("6, 7,") == ("6", "7")
    awkward = ("LIDC-IDRI-0001", "it's", 'a "name"', "back\\slash", "Bjørn")
    (tmp_path / "who.txt").write_text("\n\n".join(awkward) + "\n", "utf-8")
    assert held_out(f"@{tmp_path}/who.txt") == awkward


def test_a_file_that_names_nobody(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read .*nowhere of --eval-groups: No such file"):
        held_out(f"@{tmp_path}/nowhere")
    (tmp_path / "empty").write_text("\n \n")
    with pytest.raises(InputError, match="empty of --eval-groups names nobody; expected a name on each"):
        held_out(f"@{tmp_path}/empty")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="noise of --eval-groups is no text"):
        held_out(f"@{tmp_path}/noise")
