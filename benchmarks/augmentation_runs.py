"""Trainings of the augmentation benchmark, each kept as what it predicts, and what all of them share."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from augmentation_arms import Arm

import lungnet
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.evaluation import Predictions, read_predictions, write_predictions
from lungnet.files import atomic_path, write_json
from lungnet.hashing import file_sha256, fingerprint
from lungnet.models import fit_platt, generate_patches, to_unit, train_cnn, train_gan
from lungnet.patches import (
    ExampleArrays,
    PatchArrays,
    array_examples,
    balance_training,
    count_groups,
    part_groups,
    read_array_file,
)
from lungnet.presets import load_config

#: Column of the predictions.
ROW = "cnn"
#: Parts into which the groups are cut; a fold holds out one.
PARTS = 4
#: Settings beside the arm's on which a training depends.
_SECTIONS = ("task", "seed", "window_hu", "split", "patches", "gan")
#: What may not change from one call to the next.
_SAME = ("lungnet_version", "arrays", "asked")
_CHUNK = 512


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        name: of the arm.
        arm: how patches are augmented.
        fold: from 0.
        seed: of networks and the order of patches; splits and translations stay the same.
    """

    name: str
    arm: Arm
    fold: int
    seed: int

    def __str__(self) -> str:
        share = (
            f", {100 * self.arm.positive_share:g} % of the positives" if self.arm.positive_share < 1 else ""
        )
        return f"fold {self.fold}, seed {self.seed}, {self.name}{share}"


class Experiment:
    """A folder with runs on the same data and the same settings, which are those of its first call.

    Layout: `settings.json`; `runs/<what>-<key>.csv` with the predictions for validation and evaluation
    patches, and beside each a `.json` with what made it and its curves; `synthetic/<what>-<key>.npz` with
    what each GAN drew; `checkpoints/` of what is under way. The key is a hash of all that a run depends on.

    Args:
        root: the folder.
        settings: of `load`; None takes those that are there. Those of the first call stay, whatever
            becomes of the preset; what was asked for and the data must be the same.
        arrays: the patches; None where nothing is to be trained.

    Raises:
        InputError: the folder holds no experiment and no settings are given, or one for which something else
            was asked.
    """

    def __init__(
        self, root: Path, settings: dict[str, Any] | None = None, arrays: PatchArrays | None = None
    ) -> None:
        path = root / "settings.json"
        if not path.exists():
            if settings is None:
                raise InputError(f"{root} holds no settings.json: nothing has been run there yet.")
            write_json(path, settings)
        self.root = root
        self.settings: dict[str, Any] = json.loads(path.read_text("utf-8"))
        asked = settings or self.settings
        for key in _SAME:
            if self.settings[key] != asked[key]:
                raise InputError(
                    f"{root} was begun with {key} {self.settings[key]}; expected the same or another --root. "
                    f"Received: {asked[key]}"
                )
        self.folds: list[list[str]] = self.settings["folds"]
        self._arrays = arrays
        self._config = Config(**{name: self.settings["config"][name] for name in (*_SECTIONS, "baselines")})

    def is_kept(self, run: Run) -> bool:
        """Whether a run was finished before."""
        return self._path(run).exists()

    def predictions(self, run: Run) -> Predictions:
        """Returns what a run that was finished predicts, split "validation" and "eval"."""
        return read_predictions(self._path(run))

    def told(self, run: Run) -> dict[str, Any]:
        """Returns what made a run that was finished, what it was trained on, and its curves."""
        told: dict[str, Any] = json.loads(self._path(run).with_suffix(".json").read_text("utf-8"))
        return told

    def keep(self, run: Run, predictions: Predictions, told: Mapping[str, Any]) -> None:
        """Writes what a run predicts, and before it what made it and what else is to be told."""
        path = self._path(run)
        write_json(path.with_suffix(".json"), {**self._made_by(run), **told})
        write_predictions(path, predictions)

    def train(self, run: Run) -> None:
        """Trains, with the GAN if it takes part, and keeps the predictions."""
        splits, config = self._splits(run), self._config
        train, validation, evaluation = (splits[name] for name in ("train", "validation", "eval"))
        count = round(run.arm.synthetic * int((train.labels == 1).sum()))
        synthetic = self._synthetic(run, train.patches_hu[train.labels == 1])[:count]
        rules = run.arm.rules(config.patches)
        balanced = ExampleArrays.from_examples(balance_training(train, synthetic, rules, config.seed))
        checkpoints = self.root / "checkpoints" / self._path(run).stem
        network, history = train_cnn(
            balanced.patches_hu,
            balanced.labels,
            validation.patches_hu,
            validation.labels,
            run.arm.baselines(config.baselines),
            config.window_hu,
            run.seed,
            checkpoint_dir=checkpoints,
        )
        held = ExampleArrays.concatenate([validation, evaluation])
        unit = to_unit(held.patches_hu, config.window_hu)[..., None]
        logits = network.predict(unit, batch_size=_CHUNK, verbose=0).astype(np.float64)
        calibration = fit_platt(logits[: len(validation)], validation.labels)
        predictions = Predictions(
            split=["validation"] * len(validation) + ["eval"] * len(evaluation),
            patient_id=held.patient_id.tolist(),
            group_id=held.group_id.tolist(),
            series_uid=held.series_uid.tolist(),
            nodule_id=held.nodule_id,
            labels=held.labels,
            source=held.source.tolist(),
            probabilities={ROW: calibration(logits)},
        )
        trained_on = {
            "patches": len(balanced),
            "real_positives": len(np.unique(train.center_zyx[train.labels == 1, 0])),
            "synthetic": count,
        }
        self.keep(run, predictions, {"training": trained_on, "history": history})
        shutil.rmtree(checkpoints, ignore_errors=True)

    def _splits(self, run: Run) -> dict[str, ExampleArrays]:
        if self._arrays is None:
            raise ValueError("an experiment without arrays trains nothing")
        split = self._config.split.model_copy(update={"eval_groups": tuple(self.folds[run.fold])})
        rules = run.arm.rules(self._config.patches)
        made = array_examples(self._arrays, rules, split, self._config.seed, run.arm.positive_share).splits
        return {name: ExampleArrays.from_examples(examples) for name, examples in made.items()}

    def _synthetic(self, run: Run, positives_hu: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """As many patches as there are positives, of a GAN that saw these positives alone."""
        if not run.arm.synthetic:
            return positives_hu[:0]
        made_by = {
            "shared": self.settings["config"],
            "arrays": self.settings["arrays"],
            "held_out": self.folds[run.fold],
            "positive_share": run.arm.positive_share,
            "translations": run.arm.translations,
            "seed": run.seed,
        }
        name = f"{_what(run)}-{fingerprint(made_by)[:12]}"
        path, checkpoints = self.root / "synthetic" / f"{name}.npz", self.root / "checkpoints" / f"gan-{name}"
        if not path.exists():
            window_hu = self._config.window_hu
            gan, history = train_gan(
                positives_hu, self._config.gan, window_hu, run.seed, checkpoint_dir=checkpoints
            )
            drawn = generate_patches(gan.sampler, len(positives_hu), window_hu, run.seed)
            write_json(path.with_suffix(".json"), {**made_by, "history": history})
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, patches_hu=drawn)
            shutil.rmtree(checkpoints, ignore_errors=True)
        with np.load(path, allow_pickle=False) as file:
            patches_hu: npt.NDArray[np.int16] = file["patches_hu"]
        return patches_hu

    def _made_by(self, run: Run) -> dict[str, Any]:
        arm = asdict(run.arm)
        del arm["title"]
        return {
            "shared": self.settings["config"],
            "arrays": self.settings["arrays"],
            "held_out": self.folds[run.fold],
            "arm": arm,
            "seed": run.seed,
        }

    def _path(self, run: Run) -> Path:
        key = fingerprint(self._made_by(run))[:12]
        return self.root / "runs" / f"{run.name}-{_what(run)}-{key}.csv"


def _what(run: Run) -> str:
    return f"fold{run.fold}-positives{100 * run.arm.positive_share:g}-seed{run.seed}"


def load(path: Path, preset: str, asked: Sequence[str]) -> tuple[PatchArrays, dict[str, Any]]:
    """Reads the patches and returns them with what all runs on them share, as plain data.

    Args:
        path: the `.npz`.
        preset: name of the configuration.
        asked: settings `key=value` beside it.

    Returns:
        The patches, and `lungnet_version`, `asked`, `arrays`, `config` and `folds`.
    """
    config = load_config(preset, settings=asked)
    arrays = read_array_file(path, config.task)
    sections, counts = config.model_dump(mode="json"), count_groups(arrays.groups, arrays.labels)
    network = {name: value for name, value in sections["baselines"].items() if name.startswith("cnn_")}
    settings = {
        "lungnet_version": lungnet.__version__,
        "asked": [f"preset={preset}", *asked],
        "arrays": {
            "name": arrays.name,
            "sha256": file_sha256(path),
            "patches": len(arrays.labels),
            "positives": int(arrays.labels.sum()),
            "groups": len(set(arrays.groups)),
        },
        "config": {**{name: sections[name] for name in _SECTIONS}, "baselines": network},
        "folds": [list(held) for held in part_groups(counts, PARTS).folds],
    }
    return arrays, settings
