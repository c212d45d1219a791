"""The augmentation benchmark: what is trained on what, what is kept, and what the numbers are."""

import json
import re
from pathlib import Path
from typing import Any

import augmentation
import augmentation_runs
import numpy as np
import numpy.typing as npt
import pytest
from augmentation import planned
from augmentation_arms import ARMS, CURVES, SHARES
from augmentation_results import results, row_of, verdict
from augmentation_runs import ROW, Experiment, Run, load
from augmentation_text import markdown

from lungnet.errors import InputError
from lungnet.evaluation import Predictions, average_precision, roc_auc, weighted_metrics
from lungnet.presets import load_config

GROUPS, OF_EACH = 8, 12
TINY = (
    *("baselines.cnn_steps=2", 'baselines.cnn_keep="best"', "gan.generator_steps=2"),
    *("baselines.cnn_batch_size=8", "gan.width=2", "gan.latent_dim=4", "gan.batch_size=4"),
)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of 44 x 44 that are all of one value, by which each is known wherever it is cut."""
    path = tmp_path_factory.mktemp("arrays") / "pool.npz"
    count = GROUPS * OF_EACH
    values = np.arange(count, dtype=np.int16)[:, None, None] * 10 - 900
    labels = np.arange(count) % 3 == 0
    np.savez(
        path,
        patches_hu=np.broadcast_to(values, (count, 44, 44)),
        labels=labels.astype(np.int64),
        groups=np.arange(count) // OF_EACH,
    )
    return path


@pytest.fixture
def experiment(arrays: Path, tmp_path: Path) -> Experiment:
    found, settings = load(arrays, "standard", TINY)
    return Experiment(tmp_path / "root", settings, found)


def fabricated(experiment: Experiment, run: Run, eval_p: npt.ArrayLike, validation_p: npt.ArrayLike) -> None:
    """Keeps a run with two negatives and two positives of each held-out group, and four of validation."""
    groups = ["7"] * 4 + [name for name in experiment.folds[run.fold] for _ in range(4)]
    count = len(groups)
    predictions = Predictions(
        split=["validation"] * 4 + ["eval"] * (count - 4),
        patient_id=groups,
        group_id=groups,
        series_uid=[""] * count,
        nodule_id=np.full(count, -1),
        labels=np.array([0, 0, 1, 1] * (count // 4)),
        source=["real"] * count,
        probabilities={ROW: np.concatenate([np.asarray(validation_p), np.asarray(eval_p)])},
    )
    experiment.keep(run, predictions, {"training": {"real_positives": 10}, "history": {}})


def test_the_ablation_comes_before_its_learning_curves() -> None:
    runs = planned(list(ARMS), folds=2, seeds=1, with_curves=True)
    assert len(runs) == len(set(runs)) == 7 * 2 + 2 * 2 * 3
    assert [run.name for run in runs[:7]] == list(ARMS)
    assert {run.fold for run in runs[:7]} == {0}
    assert {run.arm.positive_share for run in runs[:14]} == {1.0}
    assert [run.arm.positive_share for run in runs[14:]] == [s for s in SHARES if s < 1 for _ in range(4)]
    # A second seed comes when the first is complete; an arm that was not asked for has no curve.
    assert planned(list(ARMS), 2, 2, True)[: len(runs)] == runs
    assert {run.name for run in planned(["none", "gan_50"], 1, 1, True)[2:]} == {"gan_50"}


def test_arms_differ_in_what_they_say_alone() -> None:
    assert set(CURVES) < set(ARMS)
    config = load_config("standard", settings=TINY)
    for name, arm in ARMS.items():
        rules, baselines = arm.rules(config.patches), arm.baselines(config.baselines)
        assert rules.max_offset_px == (0 if name == "none" else config.patches.max_offset_px)
        assert baselines.cnn_shift == (0 if name == "none" else config.baselines.cnn_shift)
        assert rules.negative_surplus == arm.synthetic
        assert baselines.cnn_flips == ("flips" in name)
        assert (baselines.cnn_cut_mix > 0) == (name == "cut_mix")
        assert baselines.cnn_steps == 2 and baselines.cnn_keep == "best"


def test_folds_are_pairs_of_neighbours(experiment: Experiment) -> None:
    assert experiment.folds == [["0", "1"], ["2", "3"], ["4", "5"], ["6", "7"]]


def test_the_gan_sees_the_positives_of_its_training_split_alone(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    real_gan, real_cnn = augmentation_runs.train_gan, augmentation_runs.train_cnn

    def watched_gan(patches_hu: Any, *arguments: Any, **how: Any) -> Any:
        seen["gan"] = patches_hu
        return real_gan(patches_hu, *arguments, **how)

    def watched_cnn(patches_hu: Any, labels: Any, *arguments: Any, **how: Any) -> Any:
        seen["cnn"], seen["labels"], seen["validation"] = patches_hu, labels, arguments[0]
        return real_cnn(patches_hu, labels, *arguments, **how)

    monkeypatch.setattr(augmentation_runs, "train_gan", watched_gan)
    monkeypatch.setattr(augmentation_runs, "train_cnn", watched_cnn)
    run = Run("gan_100", ARMS["gan_100"].with_share(0.5), 1, 0)
    experiment.train(run)

    def rows(patches_hu: Any) -> set[int]:
        flat = patches_hu.reshape(len(patches_hu), -1)
        return set(((flat[np.ptp(flat, axis=1) == 0, 0] + 900) // 10).tolist())

    held_out = {row for row in range(GROUPS * OF_EACH) if row // OF_EACH in (2, 3)}
    validation = rows(seen["validation"])
    positives = {row for row in range(GROUPS * OF_EACH) if row % 3 == 0} - held_out - validation
    assert rows(seen["gan"]) < positives
    assert len(rows(seen["gan"])) == len(positives) // 2
    # As many synthetic ones as real ones, and as many negatives as both; none of them held out.
    assert seen["labels"].mean() == 0.5
    assert seen["labels"].sum() == 2 * len(seen["gan"])
    assert not rows(seen["cnn"][seen["labels"] == 0]) & (held_out | validation | positives)
    told = experiment.told(run)
    assert told["training"]["synthetic"] == len(seen["gan"])
    assert told["training"]["real_positives"] == len(positives) // 2
    predictions = experiment.predictions(run)
    assert set(predictions.source) == {"real"}
    evaluated = {
        g for g, split in zip(predictions.group_id, predictions.split, strict=True) if split == "eval"
    }
    assert evaluated == {"2", "3"}
    assert not list((experiment.root / "checkpoints").iterdir())


def test_what_is_kept_is_not_trained_again_and_an_interruption_loses_what_it_was_at(
    arrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[str] = []
    real = augmentation_runs.train_cnn

    def interrupted(*arguments: Any, **how: Any) -> Any:
        trained.append(how["checkpoint_dir"].name.split("-")[0])
        if len(trained) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **how)

    monkeypatch.setattr(augmentation_runs, "train_cnn", interrupted)
    settings = [item for setting in TINY[3:] for item in ("--set", setting)]
    command = ["--arrays", arrays, "--root", tmp_path, "--output", tmp_path / "a.json", *settings]
    command += ["--steps", 2, "--gan-steps", 2, "--folds", 1, "--no-curves", "--arms", "none", "translations"]
    monkeypatch.setattr("sys.argv", ["augmentation.py", *map(str, command)])
    with pytest.raises(SystemExit) as stopped:
        augmentation.main()
    assert stopped.value.code == 130
    assert "goes on from here" in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()
    augmentation.main()
    assert trained == ["none", "translations", "translations"]
    assert "missing:" not in capsys.readouterr().out
    told = json.loads((tmp_path / "a.json").read_text())
    assert list(told["arms"]) == ["none", "translations"]
    assert (tmp_path / "a.md").read_text().startswith("# What augmentation is worth")
    augmentation.main()
    assert len(trained) == 3

    monkeypatch.setattr("sys.argv", [*map(str, ["augmentation.py", *command]), "--steps", "3"])
    with pytest.raises(SystemExit, match=r"was begun with asked .*cnn_steps=2.*Received: .*cnn_steps=3"):
        augmentation.main()


def test_numbers_by_hand(experiment: Experiment) -> None:
    worse = [0.1, 0.6, 0.5, 0.9] * 2  # one of four pairs in the wrong order
    better = [0.1, 0.4, 0.5, 0.9] * 2
    for fold, with_gan in ((0, better), (1, worse)):
        fabricated(
            experiment, Run("translations", ARMS["translations"], fold, 0), worse, [0.1, 0.2, 0.3, 0.9]
        )
        fabricated(experiment, Run("gan_50", ARMS["gan_50"], fold, 0), with_gan, [0.1, 0.2, 0.8, 0.9])
    runs = [run for run in planned(["translations", "gan_50"], 2, 1, False) if experiment.is_kept(run)]
    told = results(experiment, runs, missing=3)
    translations, gan = told["arms"]["translations"], told["arms"]["gan_50"]
    labels = [0, 0, 1, 1] * 2
    assert translations["auc"]["value"] == pytest.approx(roc_auc(labels, worse))
    assert translations["auc"]["value"] == pytest.approx(0.75)
    assert gan["auc"]["value"] == pytest.approx((1 + 0.75) / 2)
    expected = (1 + average_precision(labels, worse)) / 2
    assert gan["average_precision"]["value"] == pytest.approx(expected)
    # Thresholds are midway on validation: 0.25 calls 0.6 and 0.5 positive, 0.5 calls 0.5 positive as well.
    assert translations["balanced_accuracy"]["value"] == pytest.approx(0.75)
    at_half = weighted_metrics(labels, worse, 0.5)["balanced_accuracy"]
    assert gan["balanced_accuracy"]["value"] == pytest.approx((1 + at_half) / 2)
    contrast = gan["against"]["translations"]
    assert contrast["auc"]["value"] == pytest.approx(0.125)
    assert (contrast["greater"], contrast["runs"]) == (1, 2)
    assert {key: told["gan_contrasts"][0][key] for key in contrast} == contrast
    assert told["gan_contrasts"][1:] == [None, None]
    assert "translations" not in translations["against"] and "none" not in gan["against"]
    assert (told["missing"], told["held_out"]) == (3, [["0", "1"], ["2", "3"]])
    text = markdown(told, "curves.png")
    assert "3 runs are missing" in text and "Learning curves" not in text
    assert verdict(told) in text
    assert re.search(r"GAN 50 %.*\| 2 +\| 0.8750 \(", text)


def test_arms_that_judged_other_patches_are_not_compared(experiment: Experiment) -> None:
    p, held = [0.1, 0.6, 0.5, 0.9] * 2, [0.1, 0.2, 0.3, 0.9]
    fabricated(experiment, Run("none", ARMS["none"], 0, 0), p, held)
    other = Run("flips", ARMS["flips"], 0, 0)
    fabricated(experiment, other, p, held)
    path = next((experiment.root / "runs").glob("flips-*.csv"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match="flips judged other patches"):
        results(experiment, [Run("none", ARMS["none"], 0, 0), other], 0)


def test_summary_of_what_there_is_as_documentation(
    experiment: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    runs = planned(list(ARMS), 1, 1, True)
    for run in runs[:-1]:
        fabricated(experiment, run, rng.random(8), [0.1, 0.2, 0.3, 0.9])
    before = sorted((experiment.root / "runs").iterdir())
    command = ["--root", experiment.root, "--summarise", "--folds", 1, "--docs", tmp_path / "docs"]
    monkeypatch.setattr("sys.argv", ["augmentation.py", *map(str, command)])
    augmentation.main()
    printed = capsys.readouterr().out
    assert printed.count("missing:") == 1
    assert "missing: fold 0, seed 0, gan_50, 50 % of the positives" in printed
    assert sorted((experiment.root / "runs").iterdir()) == before
    text = (tmp_path / "docs" / "augmentation.md").read_text()
    assert text.count("The GAN ") == 1
    assert "1 runs are missing" in text
    assert re.findall(r"^\| ([\d.]+) %", text, re.MULTILINE) == ["10", "25", "100"]
    (link,) = re.findall(r"\]\((figures/[\w.]+)\)", text)
    assert (tmp_path / "docs" / link).read_bytes().startswith(b"\x89PNG")


def test_an_empty_root_has_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no settings\.json: nothing has been run there yet"):
        Experiment(tmp_path / "root")


def test_rows_of_shares_have_names_of_their_own() -> None:
    assert [row_of("gan_50", share) for share in (1.0, 0.25)] == ["gan_50", "gan_50 of 25 %"]


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.02, "paid"),
        (-0.02, -0.001, "did harm"),
        (-0.01, 0.01, "did not pay"),
        (0.0, 0.01, "did not pay"),
    ],
)
def test_the_verdict_is_what_the_first_interval_says(low: float, high: float, word: str) -> None:
    estimate = {"value": (low + high) / 2, "low": low, "high": high}
    first = {"with": "gan_50", "without": "translations", "auc": estimate}
    other = {"with": "gan_flips", "without": "flips", "auc": {"value": 0.5, "low": 0.4, "high": 0.6}}
    told = {"gan_contrasts": [first, None, other], "intervals": {"unit": "patch"}, "seeds": 1}
    sentence = verdict(told)
    assert sentence.startswith(f"The GAN {word}: ")
    assert f"({low:+.4f} to {high:+.4f}) against translations" in sentence
    assert "+0.5000 (+0.4000 to +0.6000)" in sentence
    assert sentence.count(". ") == 0 and sentence.endswith(
        "single patches and not over seeds, of which there is one."
    )
    assert verdict({**told, "intervals": {"unit": "group"}, "seeds": 2}).endswith("over groups and seeds.")


def test_without_its_runs_there_is_no_verdict() -> None:
    told = {"gan_contrasts": [None, None, None], "intervals": None, "seeds": 0}
    assert "cannot be said yet" in verdict(told)
