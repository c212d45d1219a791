"""The demo's last act: candidates of a CT that no step has seen, through the exported file."""

from pathlib import Path

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from lungnet.config import Config
from lungnet.ct import Candidate, Volume, find_series, read_series, write_candidates
from lungnet.errors import InputError
from lungnet.lidc import annotations_of_series, nodules_of
from lungnet.patches import PatchExample, sample_series
from lungnet.serving import NoduleClassifier, predict_candidates

#: Task -> negative and positive.
_CLASSES = {"nodule": ("no", "nodule"), "malignancy": ("benign", "malignant")}


def judge_unseen(folder: Path, candidates_file: Path, model: Path, config: Config) -> None:
    """Writes candidates of the series in `folder`, classifies them, and prints what came out.

    Raises:
        InputError: the series has no annotations.
    """
    volume = read_series(folder)
    candidates, truth = _candidates(folder, volume, config)
    if not candidates:
        click.echo(f"\n{volume.patient_id}, a CT that no step has seen, has no nodule with a clear rating.")
        return
    write_candidates(candidates_file, candidates)
    classifier = NoduleClassifier(model)
    judged = predict_candidates(volume, candidates, classifier)
    found = [c.probability is not None and c.probability >= classifier.threshold for c in judged]

    click.echo(f"\nCandidates of {volume.patient_id}, a CT that no step has seen, by ONNX Runtime:")
    classes = _CLASSES[config.task]
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("x, mm", "y, mm", "z, mm", "probability", "truth"):
        table.add_column(heading, justify="right")
    for candidate, is_nodule, positive in zip(judged, truth, found, strict=True):
        position = (f"{value:.1f}" for value in candidate.center_xyz_lps_mm)
        mark = "" if is_nodule == positive else " (wrong)"
        table.add_row(*position, f"{candidate.probability:.3f}", classes[is_nodule] + mark)
    Console(width=max(100, Console().width)).print(table)
    plural = "s" if config.task == "nodule" else ""
    hits = sum(a and b for a, b in zip(found, truth, strict=True))
    alarms = sum(a and not b for a, b in zip(found, truth, strict=True))
    click.echo(
        f"At threshold {classifier.threshold:.3f}: {hits} of {sum(truth)} {classes[1]}{plural} found, "
        f"{alarms} of {len(truth) - sum(truth)} others called {classes[1]}{plural} (phantom)."
    )
    click.echo(f"Again: lungnet predict {folder} --candidates {candidates_file} --model {model}")


def _candidates(folder: Path, volume: Volume, config: Config) -> tuple[list[Candidate], list[bool]]:
    """The nodules' centres; beside them, unless malignancy is asked for, twice as many places in the lung."""
    annotated = annotations_of_series(find_series(folder)[0])
    if annotated is None:
        raise InputError(f"{folder} has no annotations; expected a reader XML beside the series.")
    scan, annotations = annotated
    rules = config.patches.model_copy(
        update={"patches_per_nodule": 1, "max_offset_px": 0, "min_lung_fraction": 1.0}
    )
    sampled = sample_series(
        volume,
        scan,
        nodules_of(scan, annotations),
        annotations,
        rules,
        config.seed,
        config.task,
        negatives_per_positive=2.0,
    )
    examples: list[PatchExample] = [*sampled.positives, *sampled.negatives]
    centers_xyz_lps_mm = volume.index_to_world(np.array([example.center_zyx for example in examples]))
    candidates = [
        Candidate(volume.series_uid, (float(x), float(y), float(z))) for x, y, z in centers_xyz_lps_mm
    ]
    return candidates, [example.label == 1 for example in examples]
