"""What the runs of a benchmark have left: which rows of which run have ended, and their answers."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.cli.benchmark_plan import BenchmarkPlan, Piece
from lungnet.config import BaselineConfig
from lungnet.errors import InputError
from lungnet.evaluation import ROW_NAMES, FoldRun, Predictions, read_predictions
from lungnet.files import write_json
from lungnet.hashing import fingerprint
from lungnet.pipeline import Made
from lungnet.pipeline.sources import source_digests


@dataclass(frozen=True)
class Ended:
    """A run that has come to its end.

    Attributes:
        run: its answers, with every row that was ever trained with these settings.
        facts: `metrics.json` of its own evaluation.
        sources: digests of lungnet's sources, one for each state that made a row of it.
    """

    run: FoldRun
    facts: dict[str, Any]
    sources: frozenset[str]


def sources_digest(plan: BenchmarkPlan) -> str:
    """Returns the digest of all sources that a run of the benchmark may hang on."""
    config = plan.source.config.model_copy(update={"baselines": BaselineConfig()})
    steps = Piece.steps(dataclasses.replace(plan.source, config=config).pipeline())
    modules = sorted({step.EXECUTOR.partition(":")[0] for step in steps})
    return fingerprint({module: source_digests(module) for module in modules})


def record(root: Path, plan: BenchmarkPlan, piece: Piece, made: Made, sources: str) -> None:
    """Notes that a piece has ended and where its answers lie; rows of an earlier run stay noted.

    Args:
        root: of the benchmark.
        plan: of it.
        piece: what has ended.
        made: what its pipeline returned.
        sources: `sources_digest`.

    Raises:
        InputError: the root cannot be written.
    """
    folder = piece.root(root)
    predictions, evaluation = (made["Evaluator"][key].uri for key in ("predictions", "evaluation"))
    metrics = json.loads((evaluation / "metrics.json").read_text("utf-8"))
    rows = _noted(root, plan, piece)
    for row, told in metrics["rows"].items():
        rows[row] = {
            "predictions": predictions.relative_to(folder).as_posix(),
            "evaluation": evaluation.relative_to(folder).as_posix(),
            "threshold": told["threshold"],
            "sources": sources,
        }
    write_json(_path(root, piece), {"fingerprint": plan.fingerprint(piece), "rows": rows})


def ended(root: Path, plan: BenchmarkPlan, piece: Piece) -> Ended | None:
    """Reads the answers of a piece; None if it has not ended with these settings, or its files are gone.

    Raises:
        InputError: its files are damaged.
    """
    folder, rows = piece.root(root), _noted(root, plan, piece)
    there = {row: note for row, note in rows.items() if (folder / note["predictions"]).is_dir()}
    if "gan_cae_calm" not in there:
        return None
    newest = there["gan_cae_calm"]
    files = {note["predictions"] for note in there.values()}
    read = {file: read_predictions(folder / file / "predictions.csv") for file in files}
    first = read[newest["predictions"]]
    kept = {row: note for row, note in there.items() if _same_patches(first, read[note["predictions"]])}
    ordered = sorted(kept, key=lambda row: [*ROW_NAMES, row].index(row))
    predictions = dataclasses.replace(
        first, probabilities={row: read[kept[row]["predictions"]].probabilities[row] for row in ordered}
    )
    thresholds = {row: kept[row]["threshold"] for row in ordered}
    facts = json.loads((folder / newest["evaluation"] / "metrics.json").read_text("utf-8"))
    run = FoldRun(piece.fold, piece.seed, piece.head_seed, predictions, thresholds)
    return Ended(run, facts, frozenset(note["sources"] for note in kept.values()))


def _same_patches(first: Predictions, other: Predictions) -> bool:
    return all(
        list(getattr(first, name)) == list(getattr(other, name))
        for name in ("group_id", "series_uid", "nodule_id", "labels")
    )


def _path(root: Path, piece: Piece) -> Path:
    return piece.root(root) / f"head-seed-{piece.head_seed}.json"


def _noted(root: Path, plan: BenchmarkPlan, piece: Piece) -> dict[str, dict[str, Any]]:
    path = _path(root, piece)
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text("utf-8"))
        rows: dict[str, dict[str, Any]] = values["rows"]
        return rows if values["fingerprint"] == plan.fingerprint(piece) else {}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not what a benchmark of lungnet notes of a run.") from error
