"""Pastes what runs wrote into README.md, so that no number there is typed by hand.

lungnet demo --root runs/demo > runs/demo.txt 2>&1
lungnet run --arrays patches.npz --eval-groups 6,7 --root runs/standard
python benchmarks/readme.py --demo runs/demo --demo-output runs/demo.txt --standard runs/standard
lungnet benchmark --arrays patches.npz --folds 4 --head-seeds 3 --root runs/folds
python benchmarks/readme.py --folds runs/folds
python benchmarks/ingest.py --output ingest.json && python benchmarks/readme.py --ingest ingest.json
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sizing import sizing

from lungnet.evaluation import table_markdown
from lungnet.files import write_text
from lungnet.pipeline import Channel, Evaluation, latest

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
FIGURES = REPOSITORY / "docs" / "figures"


def main() -> None:
    """Pastes whichever parts are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--demo", type=Path, help="pipeline root of a demo")
    parser.add_argument("--demo-output", type=Path, help="what that demo printed")
    parser.add_argument("--standard", type=Path, help="pipeline root of a run on LUNA16 patches")
    parser.add_argument("--folds", type=Path, help="root of a benchmark on LUNA16 patches")
    parser.add_argument("--cohort", action="store_true", help="run `lungnet cohort` and paste what it prints")
    parser.add_argument("--ingest", type=Path, help="what benchmarks/ingest.py wrote")
    options = parser.parse_args()
    if options.demo_output:
        text = options.demo_output.read_text("utf-8").rstrip()
        lines = [line.rstrip() for line in text.splitlines()]
        paste("demo-output", "```text\n" + "\n".join(lines) + "\n```")
    if options.demo:
        paste("demo", measured(options.demo, "demo", with_table=False))  # what it printed has the table
    if options.standard:
        paste("standard", measured(options.standard, "standard", with_table=True))
    if options.folds:
        paste("folds", folds(options.folds))
    if options.ingest:
        paste("ingest", sizing(json.loads(options.ingest.read_text("utf-8"))))
    if options.cohort:
        command = [sys.executable, "-m", "lungnet", "cohort"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        paste("cohort", "```text\n" + "\n".join(line.rstrip() for line in printed.splitlines()) + "\n```")


def measured(root: Path, name: str, with_table: bool) -> str:
    """Returns data, date, table and figures of a run; copies the figures to `docs/figures`."""
    folder = latest(root, Channel("Evaluator", "evaluation", Evaluation)).uri
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    caption = (
        f"{metrics['data_description']} {metrics['patches']:,} evaluation patches of {metrics['groups']} "
        f"patients or groups; lungnet {metrics['lungnet_version']}, {metrics['date']}. Reweighted to 50:50. "
        f"{metrics['intervals']['note']}"
    )
    lines = [caption, "", *([table_markdown(metrics), ""] if with_table else [])]
    FIGURES.mkdir(parents=True, exist_ok=True)
    for figure in sorted((folder / "figures").glob("*.png")):
        if figure.name.startswith("figure_") or "synthetic" in figure.name:
            target = FIGURES / f"{name}_{figure.name}"
            shutil.copyfile(figure, target)
            title = figure.stem.replace("_", " ").capitalize()
            lines.append(f"![{title}]({target.relative_to(REPOSITORY).as_posix()})")
    return "\n".join(lines)


def folds(root: Path) -> str:
    """Returns a benchmark's table, and puts its report whole into `docs/folds.md`."""
    report = (root / "report.md").read_text("utf-8")
    write_text(REPOSITORY / "docs" / "folds.md", report)
    metrics: dict[str, Any] = json.loads((root / "metrics.json").read_text("utf-8"))
    headline = report.split("\n\n")[1]
    caption = f"{metrics['data_description']} lungnet {metrics['lungnet_version']}, {metrics['date']}."
    return "\n\n".join([headline, caption, table_markdown(metrics, "balanced")])


def paste(name: str, text: str) -> None:
    """Replaces what stands between the marks of `name` in the README."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = README.read_text("utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{README} lacks the marks {begin} and {end}.")
    write_text(README, f"{before}{begin}\n{text.strip()}\n{end}{after}")


if __name__ == "__main__":
    main()
