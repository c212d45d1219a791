"""Makes the model that comes with lungnet from a finished run on LUNA16's patches.

lungnet run --arrays patches.npz --eval-groups 6,7 --root runs/standard
python benchmarks/ship_model.py runs/standard

The run has to be one of the preset `standard` on real patches, blessed, and its file the one that was judged;
what it was given beyond the preset has to be named (`--set cae.fine_tune_on=all`). Files, figures and
commands go to serving/model with a model card in which each of them stands.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lungnet.cli.root_file import RootFile
from lungnet.components.pusher.executor import file_facts
from lungnet.errors import InputError
from lungnet.evaluation.datasets import named_in
from lungnet.evaluation.markdown import flat
from lungnet.evaluation.shipped_card import ShippedFile, Shipping, shipped_card, shipped_card_markdown
from lungnet.files import write_json, write_text
from lungnet.hashing import file_sha256
from lungnet.pipeline import Channel, Evaluation, OnnxModel, latest
from lungnet.presets import load_config
from lungnet.serving import SliceScanner
from lungnet.serving.shipped_model import SHIPPED_MODEL
from lungnet.serving.versions import FACTS, MODEL, SCANNER

#: Settings that a run chooses, and sections that change nothing of the model or its figures.
_FREE = ("seed", "split.eval_groups")
_ELSEWHERE = ("baselines", "infra_validation", "pusher", "quality", "scan")


def ship(root: Path, folder: Path = SHIPPED_MODEL, settings: Sequence[str] = ()) -> None:
    """Writes the folder of a model that ships.

    Args:
        root: pipeline root of the run.
        folder: see `lungnet.serving.shipped_model`; files of the same names are replaced.
        settings: in which the run may differ from the preset.

    Raises:
        InputError: the run is not such a one.
    """
    known = RootFile.read(root)
    if known is None or known.arrays is None:
        raise InputError(f"{root} is no pipeline root of a run on arrays; expected one on LUNA16's patches.")
    evaluation = latest(root, Channel("Evaluator", "evaluation", Evaluation)).uri
    exported = latest(root, Channel("OnnxExporter", "model", OnnxModel)).uri
    metrics = json.loads((evaluation / "metrics.json").read_text("utf-8"))
    for config in (known.config.model_dump(mode="json"), metrics["config"]):
        check_standard(config, settings)
    check_metrics(metrics)
    digests = {name: file_sha256(exported / name) for name in (MODEL, SCANNER)}
    facts = file_facts(exported / MODEL, digests[MODEL])
    scanner = SliceScanner(exported / SCANNER, ["CPUExecutionProvider"])
    judged = metrics["model"]["fingerprint"]
    for name, exported_as in ((MODEL, facts["fingerprint"]), (SCANNER, scanner.metadata["fingerprint"])):
        if exported_as != judged:
            raise InputError(
                f"{name} of {root} is not the model that was judged: expected {judged}. "
                f"Received: {exported_as}."
            )
    row = next(iter(metrics["rows"].values()))
    del facts["pushed_by"]
    facts["figures"] = {**row["own"], "brier_score": row["calibration"]["brier"]}
    files = {
        name: ShippedFile(sha256=digest, size_bytes=(exported / name).stat().st_size)
        for name, digest in digests.items()
    }
    card = shipped_card(metrics, Shipping(commands=commands(known, settings), files=files))
    folder.mkdir(parents=True, exist_ok=True)
    for name in (MODEL, SCANNER):
        shutil.copyfile(exported / name, folder / name)
    write_json(folder / FACTS, facts)
    write_text(folder / "model_card.json", card.model_dump_json(indent=2) + "\n")
    write_text(folder / "model_card.md", shipped_card_markdown(card))


def check_standard(config: Mapping[str, Any], settings: Sequence[str] = ()) -> None:
    """Refuses a run of another configuration than the preset's; seed and held-out groups may be any.

    Args:
        config: as `Config` has it in JSON, or sections of it.
        settings: over the preset.

    Raises:
        InputError: a setting differs; it is named.
    """
    expected = flat(load_config("standard", settings=settings).model_dump(mode="json"))
    for key, value in flat(config).items():
        if key in _FREE or key.partition(".")[0] in _ELSEWHERE:
            continue
        if value != expected.get(key):
            raise InputError(
                f"The run is not one of the preset standard: expected {key}={expected.get(key)}. "
                f"Received: {value}."
            )


def check_metrics(metrics: dict[str, Any]) -> None:
    """Refuses a model that must not ship.

    Raises:
        InputError: it is of another task or row, was trained on a phantom, on data of unknown origin or on
            shuffled labels, its split leaks, or it was not blessed.
    """
    row = next(iter(metrics["rows"]))
    reasons = {
        f"task {metrics['task']}": metrics["task"] != "nodule",
        f"row {row}": row != "gan_cae_calm",
        "a phantom": metrics["is_phantom"],
        "data of unknown origin": "LUNA16" not in {one.name for one in named_in(metrics["data_description"])},
        "shuffled labels": metrics["labels_shuffled"],
        "a split that leaks": metrics["split_leaks"],
        "no blessing": not metrics["blessing"]["blessed"],
    }
    if wrong := [reason for reason, holds in reasons.items() if holds]:
        raise InputError(
            "Only a blessed CALM of the task nodule, on patches of LUNA16, ships. Received: "
            f"{', '.join(wrong)}."
        )


def commands(known: RootFile, settings: Sequence[str]) -> tuple[str, ...]:
    """Returns what makes the files again, with no path of this machine."""
    arrays = known.arrays.name if known.arrays else ""
    groups = ",".join(known.config.split.eval_groups)
    run = ["lungnet run --preset standard", f"--arrays {arrays}"]
    run += [f"--eval-groups {groups}"] if groups else []
    run += [f"--seed {known.config.seed}"]
    given = [f"--set {setting}" for setting in settings]
    ship_again = ["python benchmarks/ship_model.py runs/standard", *given]
    return " ".join([*run, *given, "--root runs/standard"]), " ".join(ship_again)


def main() -> None:
    """Ships the model of the root that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", type=Path, help="pipeline root of a finished run")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    try:
        ship(options.root, settings=options.settings)
    except InputError as error:
        sys.exit(f"ship_model: {error}")
    print(f"Written to {SHIPPED_MODEL}")


if __name__ == "__main__":
    main()
