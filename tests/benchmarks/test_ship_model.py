"""Which runs make the model that ships, and what makes it again."""

from pathlib import Path
from typing import Any

import pytest
from ship_model import check_metrics, check_standard, commands, ship

from lungnet.cli.root_file import RootFile
from lungnet.errors import InputError
from lungnet.presets import load_config

GOOD: dict[str, Any] = {
    "task": "nodule",
    "rows": {"gan_cae_calm": {}},
    "is_phantom": False,
    "data_description": "Patches about candidates of LUNA16 (CC BY 4.0).",
    "labels_shuffled": False,
    "split_leaks": False,
    "blessing": {"blessed": True},
}


def standard(*settings: str) -> dict[str, Any]:
    return load_config("standard", settings=settings).model_dump(mode="json")


def test_seed_groups_and_other_rows_may_be_any():
    check_standard(standard("seed=3", 'split.eval_groups=["6"]', "baselines.cnn_steps=1"))


def test_another_configuration_is_refused_unless_it_is_named():
    changed = standard("cae.epochs=3")
    with pytest.raises(InputError, match=r"expected cae\.epochs=12\. Received: 3"):
        check_standard(changed)
    check_standard(changed, ["cae.epochs=3"])
    with pytest.raises(InputError, match=r"preset standard: expected calm\."):
        check_standard({"calm": load_config("paper").model_dump(mode="json")["calm"]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"task": "malignancy"}, "task malignancy"),
        ({"rows": {"cnn": {}}}, "row cnn"),
        ({"is_phantom": True}, "a phantom"),
        ({"data_description": "Own patches."}, "unknown origin"),
        ({"labels_shuffled": True}, "shuffled labels"),
        ({"split_leaks": True}, "a split that leaks"),
        ({"blessing": {"blessed": False}}, "no blessing"),
    ],
)
def test_models_that_must_not_ship(change: dict[str, Any], reason: str):
    check_metrics(GOOD)
    with pytest.raises(InputError, match=reason):
        check_metrics({**GOOD, **change})


def test_the_commands_hold_no_path():
    config = load_config("standard", settings=['split.eval_groups=["6", "7"]', "seed=2"])
    run, again = commands(RootFile(None, Path("/home/me/patches.npz"), config), ["cae.epochs=3"])
    assert run == (
        "lungnet run --preset standard --arrays patches.npz --eval-groups 6,7 --seed 2 --set cae.epochs=3 "
        "--root runs/standard"
    )
    assert again == "python benchmarks/ship_model.py runs/standard --set cae.epochs=3"


def test_a_folder_that_is_no_run_on_arrays(tmp_path: Path):
    with pytest.raises(InputError, match="no pipeline root of a run on arrays"):
        ship(tmp_path, tmp_path / "model")
    assert not (tmp_path / "model").exists()
