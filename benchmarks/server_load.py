"""What a server answers under load, beside the runtime called directly with the same batches.

    python benchmarks/server_load.py --model-dir run/serving_model --seconds 30
    python benchmarks/server_load.py --model-dir run/serving_model --seconds 600 --abuse

Starts `lungnet serve` on the newest version of the folder. `--clients` connections each send one patch after
the other. `--abuse` adds a version every ten seconds, and all the while sends malformed requests and drops
connections within the body; no good request may fail, and the process must not grow.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from turns import machine

from lungnet.files import write_json
from lungnet.serving import NoduleClassifier
from lungnet.serving.versions import MODEL, whole_versions

PATH = "/v2/models/classifier/infer"
_ABUSES = (
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{",
    b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
    b"\x00\x01\x02 no HTTP at all\r\n\r\n",
)


def infer_request(patch_hu: np.ndarray) -> bytes:
    """Returns the bytes of a request with one patch as a binary tensor."""
    raw = np.ascontiguousarray(patch_hu, "<i2").tobytes()
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40]}
    tensor["parameters"] = {"binary_data_size": len(raw)}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nInference-Header-Content-Length: {len(text)}\r\n"
        f"Content-Length: {len(text) + len(raw)}\r\n\r\n"
    )
    return head.encode() + text + raw


async def ask(port: int, request: bytes, until: float, seconds: list[float], failed: list[str]) -> None:
    """Sends a request again and again on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\ncontent-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        seconds.append(time.perf_counter() - start)
        if not head.startswith(b"HTTP/1.1 200"):
            failed.append(head.split(b"\r\n")[0].decode())
    writer.close()


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
        target.mkdir()
        shutil.copyfile(folder / str(newest) / MODEL, target / "part")
        (target / "part").rename(target / MODEL)


async def load(port: int, folder: Path, options: argparse.Namespace, process: int) -> dict[str, Any]:
    """Puts load on a server and returns what came of it."""
    rng = np.random.default_rng(0)
    patches = rng.integers(-1000, 400, (options.clients, 40, 40)).astype(np.int16)
    warm: list[float] = []
    until = time.perf_counter() + 2.0
    await asyncio.gather(*(ask(port, infer_request(patch), until, warm, []) for patch in patches))
    before, memory = await batches(port), [resident_mib(process)]
    processor = processor_seconds(process)
    seconds: list[float] = []
    failed: list[str] = []
    start = time.perf_counter()
    until = start + options.seconds
    jobs = [ask(port, infer_request(patch), until, seconds, failed) for patch in patches]
    if options.abuse:
        jobs += [abuse(port, until), exchange(folder, until)]
    await asyncio.gather(*jobs)
    wall = time.perf_counter() - start
    processor = processor_seconds(process) - processor
    memory.append(resident_mib(process))
    after = await batches(port)
    p50, p99 = np.percentile(seconds, [50, 99])
    return {
        "requests": len(seconds),
        "failed": failed[:10],
        "patches_per_second": len(seconds) / wall,
        "processor_ms_per_patch": 1e3 * processor / len(seconds),
        "milliseconds": {"p50": 1e3 * p50, "p99": 1e3 * p99},
        "mean_batch": (after[1] - before[1]) / max(after[0] - before[0], 1),
        "resident_mib": memory,
    }


async def batches(port: int) -> tuple[float, float]:
    """Returns how many batches and patches the model has seen."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    values = [re.search(rf"lungnet_batch_patches_{name} (\S+)", text) for name in ("count", "sum")]
    count, total = (float(value[1]) if value else 0.0 for value in values)
    return count, total


def resident_mib(process: int) -> float:
    """Returns the memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(process: int) -> float:
    """Returns what a process has used of the processors."""
    times = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def direct(model: Path, batch: int, seconds: float, threads: int | None) -> dict[str, float]:
    """Returns patches per second, and milliseconds of the processors a patch, of the runtime alone."""
    classifier = NoduleClassifier(model, ["CPUExecutionProvider"], threads)
    patches = np.random.default_rng(0).integers(-1000, 400, (batch, 40, 40)).astype(np.int16)
    classifier.predict(patches)
    runs, start, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        classifier.predict(patches)
        runs += 1
    wall, processor = time.perf_counter() - start, time.process_time() - processor
    return {
        "patches_per_second": runs * batch / wall,
        "processor_ms_per_patch": 1e3 * processor / (runs * batch),
    }


def serve(folder: Path, threads: int | None) -> tuple[subprocess.Popen[str], int]:
    """Starts a server; returns the process and its port."""
    command = [sys.executable, "-m", "lungnet", "serve", "--model-dir", str(folder), "--port", "0"]
    command += ["--provider", "CPUExecutionProvider", "--reload-seconds", "1"]
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
    parser.add_argument("--threads", type=int, help="of the runtime")
    parser.add_argument("--abuse", action="store_true")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    newest = options.model_dir / str(whole_versions(options.model_dir)[-1])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(newest, folder / "1")
        process, port = serve(folder, options.threads)
        try:
            found = asyncio.run(load(port, folder, options, process.pid))
        finally:
            process.terminate()
            process.wait(30)
        found["versions"] = len(whole_versions(folder))
        batch = max(1, round(found["mean_batch"]))
        found["direct"] = direct(folder / "1" / MODEL, batch, 10.0, options.threads)
    found["share_of_direct"] = found["patches_per_second"] / found["direct"]["patches_per_second"]
    found |= machine(options.threads, cpu_time=False)
    print(json.dumps(found, indent=2))
    if options.output:
        write_json(options.output, found)


if __name__ == "__main__":
    main()
