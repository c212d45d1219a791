"""What the figures of `ingest.py` mean for an archive, as Markdown."""

from typing import Any

#: Of The Cancer Imaging Archive's page of LIDC-IDRI.
LIDC_SERIES, LIDC_GB = 1018, 125.0
HOSPITAL_SERIES = 100_000
WORKERS = (1, 16, 256)
#: What storage gives, in GB a second.
STORAGE = {
    "a hard disk": 0.2,
    "a network of 10 Gbit/s": 1.2,
    "an NVMe disk": 3.0,
    "a parallel file system": 40.0,
}
_STEPS = {"find": "find", "annotations": "annotations", "read": "read", "sample": "masks and patches"}


def sizing(result: dict[str, Any]) -> str:
    """Returns tables and sentences.

    Args:
        result: what `ingest.py` wrote.
    """
    measured = result["lidc_idri"] or result["phantom"]
    what = "LIDC-IDRI" if result["lidc_idri"] else "phantom"
    ms = sum(measured[step] for step in _STEPS)
    gb = LIDC_GB / LIDC_SERIES
    seconds = ms / 1e3 * gb / (measured["megabytes"] / 1e3)  # a series costs as much as it is large
    rate = gb / seconds
    writing = result["throughput"]["writing_ms_per_series"] / 1e3
    archives = {"LIDC-IDRI": LIDC_SERIES, "a hospital's archive": HOSPITAL_SERIES}
    lines = [
        _caption(result),
        "",
        f"| ms a series, one core | slices | MB | {' | '.join(_STEPS.values())} | together |",
        f"|---|---|---|{'---|' * len(_STEPS)}---|",
        *(
            _row(name, result[key])
            for name, key in (("LIDC-IDRI", "lidc_idri"), ("phantom", "phantom"))
            if result[key]
        ),
        "",
        f"By that ({what}, per MB), a series of LIDC-IDRI's average size ({1e3 * gb:.0f} MB) takes a core "
        f"{seconds:.2f} s, and a worker reads {1e3 * rate:.0f} MB a second. If nothing held the workers up:",
        "",
        f"| archive | series | data | {' | '.join(_workers(n) for n in WORKERS)} | writing, by the parent |",
        f"|---|---|---|{'---|' * len(WORKERS)}---|",
        *(
            f"| {name} | {series:,} | {_size(series * gb)} | "
            + " | ".join(_duration(series * seconds / n) for n in WORKERS)
            + f" | {_duration(series * writing)} |"
            for name, series in archives.items()
        ),
        f"| they would read | | | {' | '.join(_size(n * rate) + '/s' for n in WORKERS)} | |",
        "",
        "But the data have to come from somewhere, and that is the bottleneck:",
        "",
        f"| data on | give | feed | {' | '.join(archives)} |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {_size(given)}/s | {_fed(given / rate)} | "
            + " | ".join(_duration(series * gb / given) for series in archives.values())
            + " |"
            for name, given in STORAGE.items()
        ),
    ]
    return "\n".join([*lines, "", _rest(result, gb)])


def _caption(result: dict[str, Any]) -> str:
    machine, flow = result["machine"], result["throughput"]
    rates = flow["series_per_second"]
    return (
        f"Measured {result['date']} on {machine['cores']} cores ({machine['processor']}, Python "
        f"{machine['python']}), files in the cache. {flow['series']} phantom series of {flow['slices']} "
        f"slices of 512 x 512, from folders to TFRecords: {rates['1']:.1f} a second with one worker, "
        f"{rates['2']:.1f} with two, {flow['ratio']:.2f} times as many (medians of {flow['turns']} turns, "
        f"{min(flow['ratios']):.2f} to {max(flow['ratios']):.2f} in single ones, the start of the workers "
        f"included, load average {result['load_average']:.1f})."
    )


def _rest(result: dict[str, Any], gb: float) -> str:
    memory, kib = result["memory"], result["parent_kib_per_series"]
    digest = result["digest_mb_per_second"] / 1e3
    parent_gib = kib * HOSPITAL_SERIES / 1024**2
    lidc, hospital = (_duration(size / digest) for size in (LIDC_GB, HOSPITAL_SERIES * gb))
    return (
        f"**Memory.** A worker takes {memory['peak_mib']:.0f} MiB at most with series of {memory['slices']} "
        f"slices, whatever their number; the parent keeps {kib:.1f} KiB a series (what the cohort is chosen "
        f"by: {parent_gib:.1f} GiB for {HOSPITAL_SERIES:,} series). **Before a first run** the launcher "
        f"takes the digest of all the data: here at {digest:.1f} GB a second from the cache, so {lidc} for "
        f"LIDC-IDRI and {hospital} for the hospital's archive, or as long as the storage takes."
    )


def _row(name: str, cost: dict[str, float]) -> str:
    steps = " | ".join(f"{cost[step]:.0f}" for step in _STEPS)
    together = sum(cost[step] for step in _STEPS)
    return f"| {name} | {cost['slices']:.0f} | {cost['megabytes']:.0f} | {steps} | {together:.0f} |"


def _workers(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def _fed(workers: float) -> str:
    return f"{workers:.1f} workers" if workers < 3 else f"{workers:.0f} workers"


def _size(gigabytes: float) -> str:
    return f"{gigabytes / 1e3:.1f} TB" if gigabytes >= 1000 else f"{gigabytes:.3g} GB"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
