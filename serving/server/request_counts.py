"""Requests that were answered, counted by plain numbers: a server does so thousands of times a second."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class _Durations:
    """How long requests of one route took: how many up to each bound, and longer ones in the end."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_SECONDS) + 1)
        self.sum = 0.0

    def buckets(self) -> list[tuple[str, float]]:
        """Bounds and how many took no longer, as Prometheus has them."""
        upto, found = 0, []
        for bound, count in zip((*map(float, _SECONDS), "+Inf"), self.counts, strict=True):
            upto += count
            found.append((str(bound), float(upto)))
        return found


class RequestCounts(Collector):
    """Counts requests by route, method and status, and their seconds by route.

    One thread counts; another may read meanwhile.
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: defaultdict[str, _Durations] = defaultdict(_Durations)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request."""
        self._requests[route, method, status] += 1
        durations = self._durations[route]
        durations.counts[bisect_left(_SECONDS, seconds)] += 1
        durations.sum += seconds

    def collect(self) -> Iterator[Metric]:
        """Yields what Prometheus asks for."""
        requests = CounterMetricFamily("lungnet_requests", "Requests.", labels=("route", "method", "status"))
        for (route, method, status), count in list(self._requests.items()):
            requests.add_metric((route, method, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "lungnet_request_seconds",
            "From the headers of a request to the end of its answer.",
            labels=("route",),
        )
        for route, durations in list(self._durations.items()):
            seconds.add_metric((route,), durations.buckets(), durations.sum)
        yield seconds
