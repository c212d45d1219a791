"""What a server answers under load, beside the runtime called directly with the same batches.

    python benchmarks/server_load.py --model-dir run/serving_model --seconds 30
    python benchmarks/server_load.py --model-dir run/serving_model --seconds 600 --abuse

Starts `lungnet serve` on the newest version of the folder, one process a core. `--clients` connections each
send one patch after the other. `--abuse` adds a version every ten seconds, and all the while sends malformed
requests and drops connections within the body; no good request may fail, and the processes must not grow.

Server and runtime take turns. The runtime is called with batches of the sizes that the server formed in that
turn (rounded up to those that its metrics count by), in proportion, in two ways: one batch after the other on
all cores, and as the server does, batches on one core each side by side.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from load_generators import PATH, Load, put_load
from turns import machine

from lungnet.cores import usable_cores
from lungnet.files import write_json
from lungnet.serving import NoduleClassifier
from lungnet.serving.versions import MODEL, whole_versions

_ABUSES = (
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{",
    b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
    b"\x00\x01\x02 no HTTP at all\r\n\r\n",
)


async def abuse(port: int, until: float) -> None:
    """Sends what is no good request, and leaves without waiting."""
    number = 0
    while time.perf_counter() < until:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_ABUSES[number % len(_ABUSES)])
        number += 1
        await asyncio.sleep(0.02)
        writer.close()


async def exchange(folder: Path, until: float) -> None:
    """Adds a version every ten seconds, as the Pusher does: the model is moved in last."""
    while time.perf_counter() + 10 < until:
        await asyncio.sleep(10)
        newest = whole_versions(folder)[-1]
        target = folder / str(newest + 1)
        shutil.copytree(folder / str(newest), target, ignore=shutil.ignore_patterns(MODEL))
        shutil.copyfile(folder / str(newest) / MODEL, target / "part")
        (target / "part").rename(target / MODEL)


async def load(port: int, folder: Path, options: argparse.Namespace) -> Load:
    """Puts load on a server for one turn."""
    rng = np.random.default_rng(0)
    patches = rng.integers(-1000, 400, (options.clients, 40, 40)).astype(np.int16)
    seconds = options.seconds / options.turns
    until = time.perf_counter() + seconds
    jobs = [abuse(port, until), exchange(folder, until)] if options.abuse else []
    with tempfile.TemporaryDirectory() as scratch:
        found, *_ = await asyncio.gather(put_load(port, patches, seconds, Path(scratch)), *jobs)
    return found


def batches(port: int) -> dict[int, float]:
    """Returns how many batches the model has seen, by size rounded up to what the metrics count by.

    A process hears what the others have counted a second later.
    """
    time.sleep(1.5)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    found = re.findall(r'lungnet_batch_patches_bucket{le="(\d+)\.0"} (\S+)', text)
    upto = [0.0, *(float(count) for _, count in found)]
    return {int(size): upto[index + 1] - upto[index] for index, (size, _) in enumerate(found)}


def _with_children(process: int) -> list[int]:
    """Returns a process and those that it has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


def resident_mib(process: int) -> float:
    """Returns the memory of a server's processes; what they share counts once for each."""
    texts = [Path(f"/proc/{one}/statm").read_text() for one in _with_children(process)]
    return sum(int(text.split()[1]) for text in texts) * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(process: int) -> float:
    """Returns what a server's processes have used of the processors."""
    texts = [Path(f"/proc/{one}/stat").read_text() for one in _with_children(process)]
    ticks = sum(int(one) for text in texts for one in text.rsplit(")", 1)[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Direct:
    """The runtime alone, on batches as the server formed them.

    Args:
        model: file of the classifier.
        side_by_side: threads that each run batches of their own.
        threads: of the runtime within one batch; None for its choice.
    """

    def __init__(self, model: Path, side_by_side: int, threads: int | None) -> None:
        self._side_by_side = side_by_side
        self._classifier = NoduleClassifier(model, ["CPUExecutionProvider"], threads)

    def patches_per_second(self, formed: Mapping[int, float], seconds: float) -> float:
        """Measures for so long.

        Args:
            formed: size of batches -> how many there were; they are run in proportion to that.
            seconds: in all.
        """
        rng = np.random.default_rng(0)
        sizes = [size for size, count in formed.items() if count]
        feeds = {size: rng.integers(-1000, 400, (size, 40, 40)).astype(np.int16) for size in sizes}
        odds = np.array([formed[size] for size in sizes]) / sum(formed[size] for size in sizes)
        self._classifier.predict(feeds[sizes[0]])
        start = time.perf_counter()

        def run(seed: int) -> int:
            order, patches = np.random.default_rng(seed), 0
            while time.perf_counter() - start < seconds:
                for size in order.choice(sizes, 16, p=odds):
                    self._classifier.predict(feeds[size])
                    patches += int(size)
            return patches

        with ThreadPoolExecutor(self._side_by_side) as executor:
            patches = sum(executor.map(run, range(self._side_by_side)))
        return patches / (time.perf_counter() - start)


def serve(folder: Path, threads: int | None, workers: int) -> tuple[subprocess.Popen[str], int]:
    """Starts a server; returns the process and its port."""
    command = [sys.executable, "-m", "lungnet", "serve", "--model-dir", str(folder), "--port", "0"]
    command += ["--provider", "CPUExecutionProvider", "--reload-seconds", "1"]
    command += ["--workers", str(workers)]
    command += ["--threads", str(threads)] if threads else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("The server did not start.")
    return process, int(line.rsplit(":", 1)[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--turns", type=int, default=3, help="of the server and the runtime alone")
    parser.add_argument(
        "--workers", type=int, default=usable_cores(), help="processes; by default one a core"
    )
    parser.add_argument("--threads", type=int, help="cores for the model; by default all")
    parser.add_argument("--abuse", action="store_true")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    versions = whole_versions(options.model_dir)
    if not versions:
        parser.error(f"{options.model_dir} has no version with a {MODEL}, as the Pusher leaves them.")
    newest = options.model_dir / str(versions[-1])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(newest, folder / "1")
        process, port = serve(folder, options.threads, options.workers)
        try:
            found = measure(port, process.pid, folder, options)
        finally:
            process.terminate()
            process.wait(30)
        found["versions"] = len(whole_versions(folder))
    found |= machine(options.threads, cpu_time=False)
    print(json.dumps(found, indent=2))
    if options.output:
        write_json(options.output, found)


def measure(port: int, process: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Lets the server and the runtime alone take turns; the share is of the faster way to call it."""
    cores = options.threads or usable_cores()
    rivals = {
        "one_batch_on_all_cores": Direct(folder / "1" / MODEL, 1, options.threads),
        "a_batch_on_each_core": Direct(folder / "1" / MODEL, cores, 1),
    }
    asyncio.run(load(port, folder, argparse.Namespace(**{**vars(options), "seconds": 3.0, "turns": 3})))
    served: list[Load] = []
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    memory, processor, formed = [resident_mib(process)], 0.0, dict.fromkeys(batches(port), 0.0)
    for _ in range(options.turns):
        before, used = batches(port), processor_seconds(process)
        served.append(asyncio.run(load(port, folder, options)))
        processor += processor_seconds(process) - used
        now = {size: count - before[size] for size, count in batches(port).items()}
        formed = {size: count + now[size] for size, count in formed.items()}
        memory.append(resident_mib(process))
        for name, rival in rivals.items():
            rates[name].append(rival.patches_per_second(now, min(10.0, options.seconds / options.turns)))
    requests = sum(one.requests for one in served)
    shares = [
        one.requests / one.seconds / max(rate[turn] for rate in rates.values())
        for turn, one in enumerate(served)
    ]
    return {
        "clients": served[0].clients,
        "workers": options.workers,
        "requests": requests,
        "failed": [failure for one in served for failure in one.failed][:10],
        "patches_per_second": [one.requests / one.seconds for one in served],
        "direct_patches_per_second": rates,
        "share_of_direct": statistics.median(shares),
        "server_processor_ms_per_patch": 1e3 * processor / requests,
        "p50_ms": [one.p50_ms for one in served],
        "p99_ms": [one.p99_ms for one in served],
        "batches_of_at_most": {size: count for size, count in formed.items() if count},
        "resident_mib": memory,
    }


if __name__ == "__main__":
    main()
