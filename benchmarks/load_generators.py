"""Clients that each send one patch after the other: Debian's `wrk`, or Python's where there is none.

They share the processors with the server that they measure. Python's take about as much of them as the server
does; `wrk` takes little.
"""

import asyncio
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PATH = "/v2/models/classifier/infer"
HEADER_LENGTH = "Inference-Header-Content-Length"

_LUA = """
local requests, next_one = {}, 0
function init(arguments)
  for index, path in ipairs(arguments) do
    local file = assert(io.open(path, "rb"))
    wrk.method, wrk.body = "POST", file:read("*a")
    file:close()
    wrk.headers["Host"] = "localhost"
    wrk.headers["%s"] = "%d"
    requests[index] = wrk.format()
  end
end
function request()
  next_one = next_one %% #requests + 1
  return requests[next_one]
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\\nfound %%d %%d %%d %%d %%d\\n", summary.requests, failed, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """What clients saw.

    Attributes:
        clients: "wrk" or "Python".
        requests: answered.
        failed: of them, or of those that were not; a description of a few of them.
        seconds: that it took.
        p50_ms, p99_ms: from a request to its answer.
    """

    clients: str
    requests: int
    failed: list[str]
    seconds: float
    p50_ms: float
    p99_ms: float


def infer_body(patch_hu: np.ndarray) -> tuple[bytes, int]:
    """Returns the body of a request with one patch as a binary tensor, and the length of its JSON."""
    raw = np.ascontiguousarray(patch_hu, "<i2").tobytes()
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40]}
    tensor["parameters"] = {"binary_data_size": len(raw)}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return text + raw, len(text)


async def put_load(port: int, patches_hu: np.ndarray, seconds: float, scratch: Path) -> Load:
    """Sends patches over as many connections as there are, for so long.

    Args:
        port: of the server on this machine.
        patches_hu: int16 `(clients, 40, 40)`.
        seconds: to go on for.
        scratch: folder for what `wrk` reads.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return await _python(port, patches_hu, seconds)
    bodies = [infer_body(patch) for patch in patches_hu]
    paths = [scratch / f"body-{index}" for index in range(len(bodies))]
    for path, (body, _) in zip(paths, bodies, strict=True):
        path.write_bytes(body)
    script = scratch / "infer.lua"
    script.write_text(_LUA % (HEADER_LENGTH, bodies[0][1]))
    command = [wrk, "--threads", "1", "--connections", str(len(bodies)), "--duration", f"{seconds:.0f}s"]
    command += ["--timeout", "60s", "--latency", "--script", str(script), f"http://127.0.0.1:{port}{PATH}"]
    process = await asyncio.create_subprocess_exec(
        *command, "--", *map(str, paths), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told = (await process.communicate())[0].decode()
    found = re.search(r"^found (\d+) (\d+) (\d+) (\d+) (\d+)$", told, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk failed: {told}")
    requests, failed, microseconds, p50, p99 = map(int, found.groups())
    failures = [f"{failed} requests"] if failed else []
    return Load("wrk", requests, failures, 1e-6 * microseconds, 1e-3 * p50, 1e-3 * p99)


async def _python(port: int, patches_hu: np.ndarray, seconds: float) -> Load:
    latencies: list[float] = []
    failed: list[str] = []
    start = time.perf_counter()
    jobs = [_ask(port, patch, start + seconds, latencies, failed) for patch in patches_hu]
    await asyncio.gather(*jobs)
    p50, p99 = 1e3 * np.percentile(latencies, [50, 99])
    return Load("Python", len(latencies), failed[:10], time.perf_counter() - start, float(p50), float(p99))


async def _ask(
    port: int, patch_hu: np.ndarray, until: float, seconds: list[float], failed: list[str]
) -> None:
    """Sends a patch again and again on one connection."""
    body, length = infer_body(patch_hu)
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{HEADER_LENGTH}: {length}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        told = re.search(rb"(?i)\ncontent-length: (\d+)", head)
        await reader.readexactly(int(told[1]) if told else 0)
        seconds.append(time.perf_counter() - start)
        if not head.startswith(b"HTTP/1.1 200"):
            failed.append(head.split(b"\r\n")[0].decode())
    writer.close()
