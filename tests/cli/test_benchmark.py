"""Two folds of a tiny cross-validation: interrupted, summarised, finished, and asked for again."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungnet.components.calm_trainer import executor as calm_trainer
from tests.cli.conftest import SETTINGS, blobs, call

FOLDS = (("0", "1"), ("2", "3"))


class Called(NamedTuple):
    code: int
    out: str
    err: str


class Story(NamedTuple):
    """What a user did, in this order, and what came of it."""

    root: Path
    arrays: Path
    interrupted: Called
    left: set[str]
    partial: Called
    partial_metrics: dict
    finished: Called
    again: Called


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("benchmark")
    root, arrays = folder / "root", blobs(folder / "blobs.npz", groups=4, per_group=12)

    def benchmark(*arguments: object) -> Called:
        with pytest.MonkeyPatch.context() as patch:
            out, err = (folder / name for name in ("out", "err"))
            with out.open("w+") as stdout, err.open("w+") as stderr:
                patch.setattr("sys.stdout", stdout)
                patch.setattr("sys.stderr", stderr)
                code = call("benchmark", "--root", str(root), *map(str, arguments))
            return Called(code, out.read_text("utf-8"), err.read_text("utf-8"))

    begun = ("--arrays", arrays, "--folds", 2, "--head-seeds", 2, "--rows", "gan_cae_nn", *SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        train = calm_trainer.train_calm
        trained: list[None] = []

        def interrupted_in_fold_1(*given, **how):
            trained.append(None)
            if len(trained) > 2:
                raise KeyboardInterrupt
            return train(*given, **how)

        patch.setattr(calm_trainer, "train_calm", interrupted_in_fold_1)
        interrupted = benchmark(*begun)
    left = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    partial = benchmark("--summarise")
    partial_metrics = json.loads((root / "metrics.json").read_text("utf-8"))
    finished, again = benchmark(), benchmark("--rows", "gan_cae_nn")
    yield Story(root, arrays, interrupted, left, partial, partial_metrics, finished, again)


def metrics_of(story: Story) -> dict:
    return json.loads((story.root / "metrics.json").read_text("utf-8"))


def lines_of(story: Story) -> list[dict[str, str]]:
    with (story.root / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_ctrl_c_ends_it_and_keeps_what_was_complete(story):
    assert story.interrupted.code == 130
    assert "Run 3 of 4: fold 1, seed 0, evaluated on groups 2, 3" in story.interrupted.err
    assert "fold-0-seed-0/head-seed-1.json" in story.left
    assert "fold-1-seed-0/CaeTrainer/encoder" in story.left
    assert "fold-1-seed-0/CalmTrainer/classifier" not in story.left
    assert "report.md" not in story.left


def test_what_there_is_can_be_summarised_and_says_what_is_missing(story):
    assert story.partial.code == 0
    assert "Not run to the end yet: fold 1, seed 0; fold 1, seed 0, head seed 1." in story.partial.err
    assert "GAN+CAE+CALM" in story.partial.out
    assert "[1/12]" not in story.partial.err
    assert [fold["groups"] for fold in story.partial_metrics["folds"]] == [["0", "1"]]
    assert story.partial_metrics["missing"] == ["fold 1, seed 0", "fold 1, seed 0, head seed 1"]


def test_the_next_call_runs_what_is_left_alone(story):
    assert story.finished.code == 0
    assert "GAN+CAE+CALM less GAN+CAE+NN: AUC " in story.finished.out
    steps = [line for line in story.finished.err.splitlines() if line.startswith("[")]
    fold_0, fold_1 = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    assert all(line.endswith(": cached") for line in fold_0)
    assert "[8/13] CaeTrainer: cached" in fold_1  # it had ended before
    assert sum(line.startswith("[11/13] CalmTrainer:") and line.endswith(" s") for line in fold_1) == 2


def test_another_head_seed_trains_heads_alone(story):
    ran = [line.split(": ")[0] for line in story.finished.err.splitlines() if "runs, because" in line]
    assert ran[-3:] == ["[11/13] CalmTrainer", "[12/13] BaselineTrainer.gan_cae_nn", "[13/13] Evaluator"]


def test_a_second_call_only_summarises(story):
    assert story.again.code == 0
    steps = [line for line in story.again.err.splitlines() if line.startswith("[")]
    assert len(steps) == 4 * 13
    assert all(line.endswith(": cached") for line in steps)
    assert story.again.out == story.finished.out


def test_every_fold_is_an_ordinary_run(story):
    for fold, groups in enumerate(FOLDS):
        made_from = json.loads((story.root / f"fold-{fold}-seed-0/pipeline.json").read_text("utf-8"))
        assert made_from["config"]["split"]["eval_groups"] == list(groups)
        assert made_from["config"]["calm"]["head_seed"] == 0


def test_predictions_are_those_of_models_that_had_not_seen_the_group(story):
    lines = lines_of(story)
    assert len(lines) == 48 * 2
    for line in lines:
        assert line["group_id"] in FOLDS[int(line["fold"])]
    labels = np.load(story.arrays)["labels"]
    for head in ("0", "1"):
        mine = [line for line in lines if line["head_seed"] == head]
        assert sum(int(line["label"]) for line in mine) == labels.sum()
    first, second = (
        [line["probability_gan_cae_calm"] for line in lines if line["head_seed"] == head] for head in "01"
    )
    assert first != second


def test_table_1_is_what_the_predictions_say(story):
    metrics, lines = metrics_of(story), lines_of(story)
    assert metrics["missing"] == []
    assert metrics["source_states"] == 1
    assert metrics["config"]["split"]["eval_groups"] == []
    for row in ("gan_cae_calm", "gan_cae_nn"):
        folds = []
        for fold in "01":
            runs = []
            for head in "01":
                mine = [one for one in lines if (one["fold"], one["head_seed"]) == (fold, head)]
                y, p = ([float(one[key]) for one in mine] for key in ("label", f"probability_{row}"))
                runs.append(roc_auc_score(y, p))
            folds.append(np.mean(runs))
        assert metrics["rows"][row]["own"]["auc"]["value"] == pytest.approx(np.mean(folds))


def test_thresholds_are_those_of_each_run(story):
    for run in metrics_of(story)["rows"]["gan_cae_nn"]["runs"]:
        note = story.root / f"fold-{run['fold']}-seed-0/head-seed-{run['head_seed']}.json"
        frozen = json.loads(note.read_text("utf-8"))["rows"]["gan_cae_nn"]["threshold"]
        assert run["threshold"] == frozen
        mine = [
            line
            for line in lines_of(story)
            if (line["fold"], line["head_seed"]) == (str(run["fold"]), str(run["head_seed"]))
        ]
        for line in mine:
            called = float(line["probability_gan_cae_nn"]) >= frozen
            assert line["decision_gan_cae_nn"] == str(int(called))


def test_the_report_compares_calm_with_the_plain_network(story):
    report = (story.root / "report.md").read_text("utf-8")
    assert "## GAN+CAE+CALM against the others" in report
    assert "of 4 runs" in report
    assert "numbered blocks of one list, of which neighbours share a fold" in report


def test_a_dry_run_says_what_more_would_cost(story, lungnet: Callable):
    before = sorted(path.as_posix() for path in story.root.rglob("*"))
    result = lungnet("benchmark", "--root", story.root, "--head-seeds", 3, "--only-fold", 1, "--dry-run")
    assert result.code == 0
    assert "fold 1, seed 0, head seed 2" in result.err
    assert "fold 0" not in result.err
    plans = result.out.split("ArrayExampleGen: ")[1:]
    assert "runs" not in plans[0] + plans[1]
    assert "CalmTrainer: runs: parameter calm.head_seed: 1 -> 2" in plans[2]
    assert "GanTrainer: cached" in plans[2]
    assert sorted(path.as_posix() for path in story.root.rglob("*")) == before


def test_a_row_that_is_no_longer_asked_for_stays(story, lungnet: Callable):
    result = lungnet("benchmark", "--root", story.root, "--summarise", "--rows", "cnn")
    assert result.code == 0
    assert set(metrics_of(story)["rows"]) == {"gan_cae_calm", "gan_cae_nn"}


def refused(result, code: int, *parts: str) -> None:
    assert result.code == code
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err


def test_another_configuration_in_the_same_root_is_explained(story, lungnet: Callable):
    asked = ("benchmark", "--root", story.root)
    refused(lungnet(*asked, "--set", "calm.trees=6"), 1, "calm.trees was 5, now 6", "another --root")
    refused(lungnet(*asked, "--seed", 3), 1, "seed was 0, now 3")
    refused(lungnet(*asked, "--folds", 3), 1, "holds a benchmark of 2 folds, not of 3")
    refused(lungnet(*asked, "--arrays", story.arrays), 1, "and 1", "more", "was")  # without its settings
    refused(lungnet(*asked, "--only-fold", 2), 2, "--only-fold counts from 0 to 1")


def test_another_file_of_arrays_is_explained(story, lungnet: Callable, tmp_path: Path):
    other = blobs(tmp_path / "other.npz", groups=5, per_group=12)
    asked = ("benchmark", "--root", story.root, "--arrays", other, "--rows", "gan_cae_nn", *SETTINGS)
    refused(lungnet(*asked), 1, "blobs.npz", "not of", "other.npz, whose content is another")
    (tmp_path / "ct").mkdir()
    asked = ("benchmark", "--root", story.root, "--data", tmp_path / "ct", *SETTINGS)
    refused(lungnet(*asked), 1, "holds a benchmark of", "blobs.npz, not of", "ct;")


def test_what_is_wrong_is_said_before_anything_is_written(lungnet: Callable, tmp_path: Path):
    arrays, root = blobs(tmp_path / "a.npz", groups=3, per_group=4), tmp_path / "root"
    asked = ("benchmark", "--arrays", arrays, "--root", root)
    refused(lungnet(*asked, "--folds", 4), 1, "4 folds need at least 4 groups (patients)", "Received: 3")
    refused(lungnet(*asked, "--folds", 1), 2, "--folds")
    refused(lungnet(*asked, "--folds", 3, "--set", "split.by=random"), 1, "expected split.by = 'patient'")
    refused(lungnet(*asked, "--set", "split.eval_groups=['1']"), 1, "split.eval_groups is set by the folds")
    refused(lungnet(*asked, "--set", "calm.head_seed=1"), 1, "calm.head_seed is set by --head-seeds")
    machines = "distribution.strategy=multi_worker"
    refused(lungnet(*asked, "--set", machines), 1, "trains each fold on one machine", "--only-fold")
    refused(lungnet(*asked, "--rows", "forest"), 1, "baselines.rows")
    refused(lungnet(*asked, "--folds", 3, "--summarise"), 1, "No run of the benchmark in", "has ended yet")
    refused(lungnet("benchmark", "--arrays", tmp_path / "b.npz", "--root", root), 1, "b.npz is no file")
    refused(lungnet("benchmark", "--root", root), 2, "Give either --data FOLDER or --arrays FILE.npz")
    assert not root.exists()


def test_a_fold_of_one_class(lungnet: Callable, tmp_path: Path):
    groups = np.repeat([0, 1, 2, 3], 4)
    patches = np.random.default_rng(0).integers(-900, 300, (16, 40, 40)).astype(np.int16)
    np.savez(tmp_path / "a.npz", patches_hu=patches, groups=groups, labels=(groups < 2) * (np.arange(16) % 2))
    result = lungnet("benchmark", "--arrays", tmp_path / "a.npz", "--folds", 2, "--root", tmp_path / "root")
    refused(result, 1, "Fold 1 (groups 2, 3) holds no patch of class 1")


def test_what_a_fold_stumbles_over_names_the_fold(lungnet: Callable, tmp_path: Path):
    arrays = tmp_path / "a.npz"
    patches = np.random.default_rng(0).integers(-900, 300, (16, 40, 40)).astype(np.int16)
    patches[9] = patches[3]  # of groups 2 and 0
    np.savez(arrays, patches_hu=patches, groups=np.repeat([0, 1, 2, 3], 4), labels=np.arange(16) % 2)
    result = lungnet("benchmark", "--arrays", arrays, "--folds", 2, "--root", tmp_path / "root")
    refused(result, 1, "Fold 0, seed 0: ", "share the pixels of 1 patch")


def test_malignancy_is_a_setting_and_patients_are_parted(lungnet: Callable, tmp_path: Path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "nodules.npz",
        patches_hu=rng.integers(-900, 300, (60, 44, 44)).astype(np.int16),
        malignancy=np.tile([1, 5, 3, 4, 2], 12),
        patient_id=np.repeat([f"LIDC-IDRI-{number:04}" for number in range(1, 13)], 5),
    )
    asked = ("benchmark", "--arrays", tmp_path / "nodules.npz", "--set", "task=malignancy", "--folds", 3)
    result = lungnet(*asked, "--root", tmp_path / "root", "--dry-run")
    assert result.code == 0
    assert "Run 3 of 3: fold 2, seed 0, evaluated on groups LIDC-IDRI-0003" in result.err
    assert not (tmp_path / "root").exists()
