"""Several processes' metrics are told as one's."""

from pathlib import Path

import pytest
from prometheus_client import generate_latest

from lungnet.serving.server import shared_metrics
from lungnet.serving.server.observing import Metrics
from lungnet.serving.server.shared_metrics import SharedMetrics


def metrics_of(requests: int, waiting: int, version: int) -> bytes:
    metrics = Metrics(lambda: waiting, lambda: version)
    for _ in range(requests):
        metrics.note("/v2", "GET", 200, 0.5, {})
    metrics.refused("busy")
    metrics.batch.observe(3)
    return generate_latest(metrics.registry)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedMetrics:
    """Of this process; two others have left theirs."""
    one = SharedMetrics(tmp_path)
    for process, text in ((11, metrics_of(2, 5, 7)), (12, metrics_of(3, 6, 8)), (10, metrics_of(9, 9, 9))):
        monkeypatch.setattr(shared_metrics.os, "getpid", lambda process=process: process)
        one.publish(text)
    return one


def test_counts_add_up_and_the_oldest_version_is_told(shared: SharedMetrics):
    lines = shared.all(metrics_of(1, 1, 8)).decode().splitlines()  # what this process left is older
    for line in (
        'lungnet_requests_total{method="GET",route="/v2",status="200"} 6.0',
        'lungnet_request_seconds_bucket{le="0.5",route="/v2"} 6.0',
        'lungnet_request_seconds_bucket{le="0.2",route="/v2"} 0.0',
        'lungnet_request_seconds_sum{route="/v2"} 3.0',
        'lungnet_refused_total{reason="busy"} 3.0',
        "lungnet_batch_patches_sum 9.0",
        "lungnet_waiting_patches 12.0",
        "lungnet_model_version 7.0",
        "# TYPE lungnet_requests_total counter",
        "# TYPE lungnet_request_seconds histogram",
    ):
        assert line in lines
    assert len(lines) == len(set(lines))


def test_what_has_ended_counts_and_is_nothing_any_more(shared: SharedMetrics):
    shared.end(11)
    shared.end(99)  # it had left nothing
    lines = shared.all(metrics_of(1, 1, 8)).decode().splitlines()
    assert 'lungnet_requests_total{method="GET",route="/v2",status="200"} 6.0' in lines
    assert "lungnet_waiting_patches 7.0" in lines
    assert "lungnet_model_version 8.0" in lines
