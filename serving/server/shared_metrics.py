"""Metrics of several processes that answer on one port, as if they were one."""

import contextlib
import fcntl
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_Key = tuple[str, tuple[tuple[str, str], ...]]

#: Gauges that add up; of all others, the least is told.
_ADD_UP = frozenset({"lungnet_waiting_patches"})
#: Each process counts what happens to all of them.
_SAME_FOR_ALL = frozenset({"lungnet_model_reloads"})
_LIVE, _ENDED, _LOCK = ".live", "ended", ".lock"


class SharedMetrics:
    """A folder in which each process leaves its metrics for the others.

    Args:
        folder: private to the server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, text: bytes) -> None:
        """Leaves this process' metrics, in Prometheus' form.

        Raises:
            OSError: they cannot be written.
        """
        _replace(self._folder / f"{os.getpid()}{_LIVE}", text)

    def all(self, own: bytes) -> bytes:
        """Returns the metrics of all processes; those of this one alone where the folder is gone.

        Args:
            own: those of this one, as they are now.
        """
        texts = [own.decode()]
        with contextlib.suppress(OSError), self._locked(fcntl.LOCK_SH):
            for path in sorted(self._folder.iterdir()):
                of_others = path.suffix == _LIVE and path.stem != str(os.getpid())
                if of_others or path.name == _ENDED:
                    texts.append(path.read_text("utf-8"))
        return _written(_sum(texts))

    def end(self, process: int) -> None:
        """Keeps what a process has counted that is no more, without what it was at the time.

        Raises:
            OSError: it cannot be kept.
        """
        left, ended = self._folder / f"{process}{_LIVE}", self._folder / _ENDED
        with self._locked(fcntl.LOCK_EX):
            texts = [path.read_text("utf-8") for path in (left, ended) if path.exists()]
            counted = [family for family in _sum(texts) if family.type != "gauge"]
            _replace(ended, _written(counted))
            left.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Keeps others from seeing what has ended twice, or not at all."""
        with (self._folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, how)
            yield


def _replace(path: Path, text: bytes) -> None:
    """Unlike `atomic_path`, makes no folder: where it is gone, so is the server."""
    part = path.with_suffix(".part")
    part.write_bytes(text)
    part.replace(path)


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _written(families: Sequence[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


def _sum(texts: Sequence[str]) -> list[Metric]:
    """The metrics of several processes as one's."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[_Key, float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            found, together = values.setdefault(family.name, {}), _together(family)
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                found[key] = together(found[key], sample.value) if key in found else sample.value
    for name, family in families.items():
        for (sample_name, labels), value in values[name].items():
            family.add_sample(sample_name, dict(labels), value)
    return list(families.values())


def _together(family: Metric) -> Callable[[float, float], float]:
    if family.name in _SAME_FOR_ALL:
        return max
    return operator.add if family.type != "gauge" or family.name in _ADD_UP else min
