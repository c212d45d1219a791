"""How often a run that was killed at a random moment ends as one that was left alone.

    python benchmarks/kills.py --kills 30
    python benchmarks/kills.py --kills 30 --preset demo --output kills.json

A run of the whole method on phantom CTs is killed with SIGKILL at random moments and started again, over and
over, until it gets through; then another root is begun, until the kills are used up. Each root must end with
the predictions, metrics and model fingerprint of the undisturbed run, byte by byte, and hold nothing half
written.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lungnet.files import write_json
from lungnet.phantom import write_phantom
from lungnet.pipeline import Channel, Classifier, Evaluation, Predictions, latest

#: Small, and yet trainings of many seconds, so that most kills hit one.
SETTINGS = (
    "split.eval_fraction=0.4",
    "split.validation_fraction=0.3",
    "gan.generator_steps=120",
    "gan.width=8",
    "cae.epochs=3",
    "cae.fine_tune_epochs=8",
    "calm.max_iterations=8",
    "calm.trees=20",
    "baselines.nn_epochs=8",
    "baselines.ae_epochs=6",
    "baselines.cnn_steps=200",
    "evaluation.bootstrap=50",
)


def start(data: Path, root: Path, preset: str) -> subprocess.Popen[bytes]:
    """Starts `lungnet run`."""
    settings = SETTINGS if preset == "small" else ()
    command = [sys.executable, "-m", "lungnet", "run", "--data", str(data), "--root", str(root)]
    command += ["--preset", "demo", *(part for one in settings for part in ("--set", one))]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def outcome(root: Path) -> dict[str, Any]:
    """What a run has come to."""
    predictions = latest(root, Channel("Evaluator", "predictions", Predictions))
    evaluation = latest(root, Channel("Evaluator", "evaluation", Evaluation))
    classifier = latest(root, Channel("CalmTrainer", "classifier", Classifier))
    metrics = json.loads((evaluation.uri / "metrics.json").read_text("utf-8"))
    del metrics["date"]
    return {
        "predictions": (predictions.uri / "predictions.csv").read_text("utf-8"),
        "metrics": metrics,
        "fingerprint": classifier.properties["fingerprint"],
    }


def run_to_end(data: Path, root: Path, preset: str) -> float:
    """Runs without a kill and returns the seconds it took."""
    began = time.monotonic()
    process = start(data, root, preset)
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"A run failed: {errors.decode()}")
    return time.monotonic() - began


def left_behind(root: Path) -> list[str]:
    """Staging, checkpoints and temporary names that no run should leave once it is through."""
    found = [*root.glob("*/.system/*/*"), *root.rglob("*.tmp")]
    return sorted(path.relative_to(root).as_posix() for path in found)


def main() -> None:
    """Prints one line, and writes the figures as JSON where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--preset", choices=("small", "demo"), default="small")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    moments: list[float] = []
    same = roots = 0
    with tempfile.TemporaryDirectory(prefix="lungnet-kills-") as temporary:
        folder = Path(temporary)
        data = folder / "ct"
        write_phantom(data, options.patients, seed=2)
        undisturbed = run_to_end(data, folder / "undisturbed", options.preset)
        expected = outcome(folder / "undisturbed")
        print(f"undisturbed: {undisturbed:.0f} s", file=sys.stderr)
        while len(moments) < options.kills:
            root = folder / f"killed-{roots}"
            kills = 0
            while True:
                # Short lives too: they hit the opening of the root and of the store.
                moment = rng.uniform(0.2, undisturbed / 2)
                process = start(data, root, options.preset)
                try:
                    _, errors = process.communicate(timeout=moment if len(moments) < options.kills else None)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    moments.append(moment)
                    kills += 1
                    continue
                if process.returncode:
                    sys.exit(f"A run after {kills} kills failed: {errors.decode()}")
                break
            roots += 1
            found, left = outcome(root), left_behind(root)
            differs = [*(name for name in expected if found[name] != expected[name]), *left]
            same += 0 if differs else kills
            print(f"root {roots}: {kills} kills, {', '.join(differs) or 'same'}", file=sys.stderr)
    result = {
        "kills": len(moments),
        "resumed_to_the_same_end": same,
        "roots": roots,
        "undisturbed_seconds": undisturbed,
        "moments_seconds": moments,
        "data": f"phantom, {options.patients} patients",
    }
    print(
        f"kills: {same} of {len(moments)} random kills went on to the predictions, metrics and fingerprint "
        f"of the undisturbed run ({roots} roots, phantom)"
    )
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
