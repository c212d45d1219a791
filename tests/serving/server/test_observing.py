"""Metrics and logs tell what happened, and nothing of what was sent."""

import asyncio
import json
import logging

import pytest

from lungnet.serving.server.json_logs import JsonLines
from lungnet.serving.server.observing import Metrics


def test_metrics_count_by_route(start, serving_folder, wait):
    one = {"inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": [3, 40, 40], "data": [0] * 4800}]}
    with start(serving_folder) as server:
        server.infer(one)
        server.infer({"inputs": []})
        server.ask("GET", "/v2/models/Geheim^Rat")
        server.ask("GET", "/Geheim^Rat")
        server.ask("PUT", "/v2")
        last = 'lungnet_requests_total{method="other",route="/v2",status="405"} 1.0'
        wait(lambda: last in server.ask("GET", "/metrics").body.decode())
        text = server.ask("GET", "/metrics").body.decode()
    infer = 'route="/v2/models/{model_name}/infer"'
    for line in (
        f'lungnet_requests_total{{method="POST",{infer},status="200"}} 1.0',
        f'lungnet_requests_total{{method="POST",{infer},status="400"}} 1.0',
        'lungnet_requests_total{method="GET",route="/v2/models/{model_name}",status="404"} 1.0',
        'lungnet_requests_total{method="GET",route="none",status="404"} 1.0',
        'lungnet_refused_total{reason="bad_request"} 1.0',
        'lungnet_refused_total{reason="unknown"} 1.0',
        f"lungnet_request_seconds_count{{{infer}}} 2.0",
        'lungnet_batch_patches_bucket{le="4.0"} 1.0',
        "lungnet_batch_patches_sum 3.0",
        "lungnet_waiting_patches 0.0",
        "lungnet_model_version 7.0",
    ):
        assert line in text
    assert "Geheim" not in text


def test_logs_are_json_lines_without_what_was_sent(server, caplog: pytest.LogCaptureFixture, wait):
    one = {
        "id": "Geheim^Rat",
        "inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40], "data": [77] * 1600}],
    }
    with caplog.at_level(logging.INFO):
        assert server.infer(one).status == 200
        assert server.ask("GET", "/v2/models/Geheim^Rat?name=Geheim").status == 404
        wait(lambda: [record.message for record in caplog.records].count("request") == 2)
    told = [record for record in caplog.records if record.message == "request"]
    lines = [json.loads(JsonLines().format(record)) for record in told]
    assert [line["status"] for line in lines] == [200, 404]
    assert lines[0].items() >= {"level": "info", "method": "POST", "patches": 1, "version": "7"}.items()
    assert lines[0]["route"] == "/v2/models/{model_name}/infer"
    assert lines[0]["ms"] > 0 and lines[0]["time"].endswith("Z")
    assert "Geheim" not in caplog.text


def test_answered_patches_share_a_line(caplog: pytest.LogCaptureFixture):
    async def answer() -> None:
        metrics = Metrics(lambda: 0, lambda: 7)
        for seconds, patches, version in ((0.004, 1, "7"), (0.002, 3, "7"), (0.001, 1, "8")):
            metrics.note_answered("/infer", seconds, patches, version)
        assert not caplog.records
        await asyncio.sleep(0.3)
        metrics.note_answered("/infer", 0.5, 1, "8")
        metrics.log_answered()

    with caplog.at_level(logging.INFO):
        asyncio.run(answer())
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    found = [(line["version"], line["requests"], line["patches"], line["ms"]) for line in lines]
    assert found == [("7", 2, 4, 4.0), ("8", 1, 1, 1.0), ("8", 1, 1, 500.0)]
