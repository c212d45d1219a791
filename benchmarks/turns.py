"""Rivals take turns, so that whatever else the machine does meets all of them alike."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime

#: Worker threads of NumPy and TensorFlow go on spinning for a while when they are done.
_REST_S = 0.2


def take_turns(
    runs: Mapping[str, Callable[[], object]], turns: int, cpu_time: bool = False
) -> dict[str, list[float]]:
    """Calls every run once a turn and returns the seconds of each call; the first turn only warms up.

    Seconds of the clock, or of the processors that this process used: the latter tell more on a machine
    that others use as well, if the rivals have one thread each.
    """
    clock = time.process_time if cpu_time else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            time.sleep(_REST_S)
            start = clock()
            run()
            if turn:
                seconds[name].append(clock() - start)
    return seconds


def faster(seconds: Mapping[str, list[float]], one: str, rival: str) -> float:
    """Returns how many times as fast as its rival one is: the median of the ratios within a turn."""
    return statistics.median(b / a for a, b in zip(seconds[one], seconds[rival], strict=True))


def median(seconds: Mapping[str, list[float]], name: str) -> float:
    """Returns the median of a run's seconds."""
    return statistics.median(seconds[name])


def machine(threads: int | None, cpu_time: bool) -> dict[str, object]:
    """Returns what a figure depends on."""
    return {
        "clock": "processor seconds" if cpu_time else "seconds",
        "cpus": os.cpu_count(),
        "threads": threads or "all",
        "load_average": round(os.getloadavg()[0], 1),
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
    }


def processor() -> str:
    """What Linux calls the processor."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def open_session(content: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """Opens an ONNX model on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
