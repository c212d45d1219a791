"""What lineage, digests, staging and cache cost on top of the executors.

    python benchmarks/launcher_overhead.py                  # the demo, on phantom CTs
    python benchmarks/launcher_overhead.py --output launcher_overhead.json

Runs the demo's pipeline once and takes the time of each executor's import and `Do` apart: all that is not in
them is the launcher's. Then runs `lungnet demo`'s pipeline again in a process of its own, where nothing has
changed, and takes its time from start to exit.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lungnet.components import method_pipeline
from lungnet.files import write_json
from lungnet.phantom import write_phantom
from lungnet.pipeline import LocalRunner, launcher
from lungnet.presets import load_config


class Stopwatch:
    """Adds up the time spent in executors: loading them, and `Do`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._load = launcher.load_executor

    def load_executor(self, path: str) -> Any:
        """Loads an executor whose `Do` is timed."""
        began = time.perf_counter()
        original = self._load(path)
        self.seconds += time.perf_counter() - began
        watch = self

        class Timed(original):  # type: ignore[misc,valid-type]
            def Do(self, *arguments: Any) -> None:
                start = time.perf_counter()
                super().Do(*arguments)
                watch.seconds += time.perf_counter() - start

        return Timed


def main() -> None:
    """Prints one line, and writes the figures as JSON where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    config = load_config("demo", settings=options.settings)
    with tempfile.TemporaryDirectory(prefix="lungnet-overhead-") as folder:
        root = Path(folder) / "root"
        write_phantom(root / "ct", options.patients, config.seed)
        pipeline = method_pipeline(config, data=root / "ct")
        watch = Stopwatch()
        launcher.load_executor = watch.load_executor
        began = time.perf_counter()
        LocalRunner(root).run(pipeline)
        whole = time.perf_counter() - began
        command = [sys.executable, "-m", "lungnet", "demo", "--root", str(root)]
        command += ["--patients", str(options.patients)]
        command += [part for one in options.settings for part in ("--set", one)]
        subprocess.run(command, check=True, capture_output=True)  # writes the CT that no step sees
        began = time.perf_counter()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        again = time.perf_counter() - began
    ran = [line for line in printed.splitlines() if line.startswith("[") and not line.endswith(": cached")]
    share = (whole - watch.seconds) / watch.seconds
    result = {
        "seconds": whole,
        "executor_seconds": watch.seconds,
        "overhead_share": share,
        "second_demo_seconds": again,
        "second_demo_steps_run": len(ran),
    }
    print(
        f"launcher: {100 * share:.2f} % over the executors alone ({watch.seconds:.1f} of {whole:.1f} s are "
        f"in them); a second demo takes {again:.1f} s and runs {len(ran)} steps (phantom)"
    )
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
