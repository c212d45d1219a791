"""Metrics of several processes that answer on one port, as if they were one."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

#: Gauges that add up; of all others, the least is told.
_ADD_UP = frozenset({"lungnet_waiting_patches"})
_LIVE, _ENDED = ".live", ".ended"


class SharedMetrics:
    """A folder in which each process leaves its metrics for the others.

    Args:
        folder: private to the server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, text: bytes) -> None:
        """Leaves this process' metrics, in Prometheus' form."""
        path = self._folder / f"{os.getpid()}{_LIVE}"
        part = path.with_suffix(".part")
        part.write_bytes(text)
        part.replace(path)

    def all(self, own: bytes) -> bytes:
        """Returns the metrics of all processes.

        Args:
            own: those of this one, as they are now.
        """
        texts = [own.decode()]
        for path in sorted(self._folder.iterdir()):
            if path.suffix in (_LIVE, _ENDED) and path.stem != str(os.getpid()):
                with contextlib.suppress(FileNotFoundError):  # it has ended since
                    texts.append(path.read_text("utf-8"))
        registry = CollectorRegistry()
        registry.register(_Sum(texts))
        return generate_latest(registry)

    def end(self, process: int) -> None:
        """Keeps what a process has counted that is no more, without what it was at the time."""
        path = self._folder / f"{process}{_LIVE}"
        with contextlib.suppress(FileNotFoundError):
            families = [
                family
                for family in text_string_to_metric_families(path.read_text("utf-8"))
                if family.type != "gauge"
            ]
            registry = CollectorRegistry()
            registry.register(_Families(families))
            path.write_bytes(generate_latest(registry))
            path.replace(path.with_suffix(_ENDED))


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class _Sum(Collector):
    """The sum of several processes' metrics."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for text in self._texts:
            for family in text_string_to_metric_families(text):
                families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                found = values.setdefault(family.name, {})
                add_up = family.type != "gauge" or family.name in _ADD_UP
                for sample in family.samples:
                    key = sample.name, tuple(sample.labels.items())
                    if key not in found:
                        found[key] = sample.value
                    else:
                        found[key] = found[key] + sample.value if add_up else min(found[key], sample.value)
        for name, family in families.items():
            for (sample_name, labels), value in values[name].items():
                family.add_sample(sample_name, dict(labels), value)
            yield family
