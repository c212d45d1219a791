"""Several processes' metrics are told as one's."""

import asyncio
import shutil
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from lungnet.serving.server import observing, shared_metrics
from lungnet.serving.server.observing import Metrics
from lungnet.serving.server.shared_metrics import SharedMetrics


def metrics_of(requests: int, waiting: int, version: int) -> bytes:
    metrics = Metrics(lambda: waiting, lambda: version)
    metrics.reloaded(True)
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
        'lungnet_model_reloads_total{result="served"} 1.0',  # all saw the same
        "lungnet_model_version 7.0",
        "# TYPE lungnet_requests_total counter",
        "# TYPE lungnet_request_seconds histogram",
    ):
        assert line in lines
    assert len(lines) == len(set(lines))


def test_what_has_ended_counts_and_is_nothing_any_more(shared: SharedMetrics, tmp_path: Path):
    shared.end(11)
    shared.end(99)  # it had left nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "10.live", "12.live", "ended"]
    lines = shared.all(metrics_of(1, 1, 8)).decode().splitlines()
    assert 'lungnet_requests_total{method="GET",route="/v2",status="200"} 6.0' in lines
    assert "lungnet_waiting_patches 7.0" in lines
    assert "lungnet_model_version 8.0" in lines


def test_all_that_have_ended_are_one_file(shared: SharedMetrics, tmp_path: Path):
    shared.end(11)
    shared.end(12)
    lines = shared.all(metrics_of(1, 1, 8)).decode().splitlines()
    assert 'lungnet_requests_total{method="GET",route="/v2",status="200"} 6.0' in lines
    assert "lungnet_waiting_patches 1.0" in lines
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "10.live", "ended"]


def test_without_the_folder_a_process_tells_of_itself(shared: SharedMetrics, tmp_path: Path):
    shutil.rmtree(tmp_path)
    lines = shared.all(metrics_of(1, 1, 8)).decode().splitlines()
    assert 'lungnet_requests_total{method="GET",route="/v2",status="200"} 1.0' in lines


def test_what_cannot_be_left_is_said_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(observing, "_PUBLISH_SECONDS", 0.01)

    async def publish() -> None:
        metrics = Metrics(lambda: 0, lambda: 7, SharedMetrics(tmp_path / "gone"))
        task = asyncio.create_task(metrics.publish())
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(publish())
    assert [record.message for record in caplog.records] == [
        "Other workers do not see these metrics: No such file or directory"
    ]
