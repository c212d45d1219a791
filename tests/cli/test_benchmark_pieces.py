import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from lungnet.cli.benchmark_pieces import ended, record, sources_digest
from lungnet.cli.benchmark_plan import BenchmarkPlan, settled
from lungnet.cli.root_file import RootFile
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.evaluation import Predictions, write_predictions
from lungnet.files import write_json
from lungnet.patches import Partition
from lungnet.pipeline import Evaluation
from lungnet.pipeline import Predictions as PredictionsArtifact

FOLDS = Partition("consecutive", (("0", "1"), ("2", "3")))


@pytest.fixture
def plan(tmp_path: Path) -> BenchmarkPlan:
    (tmp_path / "a.npz").touch()
    return BenchmarkPlan(RootFile(None, tmp_path / "a.npz", Config()), "sha", FOLDS, seeds=2, head_seeds=3)


def evaluated(
    root: Path, number: int, rows: Mapping[str, float], groups: Sequence[str] = ("0", "1", "1")
) -> dict:
    """What Evaluator's execution `number` would leave in the root of fold 0."""
    folder = root / "fold-0-seed-0"
    predictions = PredictionsArtifact(folder / f"Evaluator/predictions/{number}")
    evaluation = Evaluation(folder / f"Evaluator/evaluation/{number}")
    write_predictions(
        predictions.uri / "predictions.csv",
        Predictions(
            split=["eval"] * 3,
            patient_id=groups,
            group_id=groups,
            series_uid=groups,
            nodule_id=[-1, 4, 5],
            labels=[0, 1, 1],
            source=["real"] * 3,
            probabilities={row: np.full(3, p) for row, p in rows.items()},
        ),
    )
    write_json(evaluation.uri / "metrics.json", {"rows": {row: {"threshold": p} for row, p in rows.items()}})
    return {"Evaluator": {"predictions": predictions, "evaluation": evaluation}}


def test_pieces_are_every_fold_with_every_seed(plan):
    names = [piece.name for piece in plan.pieces()]
    assert len(names) == len(set(names)) == 2 * 2 * 3
    assert names[:4] == [
        "fold 0, seed 0",
        "fold 0, seed 0, head seed 1",
        "fold 0, seed 0, head seed 2",
        "fold 0, seed 1",
    ]
    assert [piece.name for piece in plan.pieces(only_fold=1)] == names[6:]
    assert {piece.root(Path("r")).name for piece in plan.pieces()} == {
        f"fold-{fold}-seed-{seed}" for fold in (0, 1) for seed in (0, 1)
    }


def test_the_first_head_seed_is_the_ordinary_run(plan):
    first, second, *_ = plan.pieces()
    expected = Config(seed=0, split={"eval_groups": ("0", "1")})
    assert first.config == first.source.config == second.source.config == expected
    assert second.config.calm.head_seed == 1
    assert second.config.baselines.rows == ("gan_cae_nn",)
    assert [step.id for step in second.steps(second.pipeline())][-3:] == [
        "CalmTrainer",
        "BaselineTrainer.gan_cae_nn",
        "Evaluator",
    ]


def test_a_plan_is_read_as_it_was_written(plan, tmp_path: Path):
    plan.write(tmp_path / "root")
    assert BenchmarkPlan.read(tmp_path / "root") == plan
    assert BenchmarkPlan.read(tmp_path / "elsewhere") is None
    written = tmp_path / "root/benchmark.json"
    written.write_text(json.dumps({**json.loads(written.read_text("utf-8")), "folds": 4}))
    with pytest.raises(InputError, match="is not a benchmark file of lungnet"):
        BenchmarkPlan.read(tmp_path / "root")


def test_rows_of_earlier_calls_stay_in_the_order_of_table_1(plan, tmp_path: Path):
    piece = plan.pieces()[0]
    assert ended(tmp_path, plan, piece) is None
    record(tmp_path, plan, piece, evaluated(tmp_path, 3, {"gan_cae_calm": 0.5, "cnn": 0.6}), "old")
    record(tmp_path, plan, piece, evaluated(tmp_path, 9, {"gan_cae_calm": 0.7, "ae": 0.8}), "new")
    found = ended(tmp_path, plan, piece)
    assert found is not None
    assert found.run.thresholds == {"gan_cae_calm": 0.7, "ae": 0.8, "cnn": 0.6}
    assert list(found.run.rows) == ["gan_cae_calm", "ae", "cnn"]
    assert [p.tolist()[0] for p in found.run.predictions.probabilities.values()] == [0.7, 0.8, 0.6]
    assert found.sources == {"old", "new"}


def test_a_row_that_judged_other_patches_does_not_stand_beside_new_ones(plan, tmp_path: Path):
    piece = plan.pieces()[0]
    record(tmp_path, plan, piece, evaluated(tmp_path, 3, {"gan_cae_calm": 0.5, "cnn": 0.6}), "s")
    record(tmp_path, plan, piece, evaluated(tmp_path, 9, {"gan_cae_calm": 0.7}, ("0", "0", "1")), "s")
    found = ended(tmp_path, plan, piece)
    assert found is not None
    assert list(found.run.rows) == ["gan_cae_calm"]


def test_what_was_trained_otherwise_or_is_gone_has_not_ended(plan, tmp_path: Path):
    piece = plan.pieces()[0]
    record(tmp_path, plan, piece, evaluated(tmp_path, 3, {"gan_cae_calm": 0.5}), "s")
    for changed in ({"calm": {"trees": 3}}, {"seed": 0, "split": {"eval_groups": ("0",)}}):
        source = dataclasses.replace(piece.source, config=Config(**changed))
        assert ended(tmp_path, plan, dataclasses.replace(piece, source=source)) is None
    other_arrays = dataclasses.replace(plan, arrays_sha256="other")
    assert ended(tmp_path, other_arrays, piece) is None
    free = Config(split={"eval_groups": ("0", "1")}, evaluation={"bootstrap": 7}, baselines={"rows": ("ae",)})
    again = dataclasses.replace(piece, source=dataclasses.replace(piece.source, config=free))
    assert ended(tmp_path, plan, again) is not None
    shutil.rmtree(tmp_path / "fold-0-seed-0/Evaluator/predictions")
    assert ended(tmp_path, plan, piece) is None


def test_a_damaged_note_is_named(plan, tmp_path: Path):
    piece = plan.pieces()[1]
    note = tmp_path / "fold-0-seed-0/head-seed-1.json"
    note.parent.mkdir()
    note.write_text("{}")
    with pytest.raises(InputError, match=r"head-seed-1\.json is not what a benchmark of lungnet notes"):
        ended(tmp_path, plan, piece)


def test_sources_do_not_hang_on_rows(plan):
    config = plan.source.config
    fewer = config.model_copy(update={"baselines": config.baselines.model_copy(update={"rows": ()})})
    other = dataclasses.replace(plan, source=dataclasses.replace(plan.source, config=fewer))
    assert sources_digest(other) == sources_digest(plan)
    assert len(sources_digest(plan)) == 64


def test_how_scans_are_made_matters_where_negatives_are_mined_from_them():
    once = Config()
    mined = once.model_copy(update={"mining": once.mining.model_copy(update={"rounds": 1})})
    assert "scan.threshold" not in settled(once)
    assert "scan.threshold" in settled(mined)
