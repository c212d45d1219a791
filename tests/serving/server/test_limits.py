"""What a server takes upon itself, and what it turns away."""

import gzip
import json
import socket
import threading
import time

import pytest

from lungnet.serving.server import ServerLimits
from lungnet.serving.server.scan_limits import ScanLimits

PATH = "/v2/models/classifier/infer"


def request(patches=1):
    shape = [patches, 40, 40]
    return {
        "inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": shape, "data": [0] * 1600 * patches}]
    }


def test_bounds_fit_each_other():
    with pytest.raises(ValueError, match=r"max_batch must be above 0. Received: max_batch=0"):
        ServerLimits(max_batch=0)
    with pytest.raises(ValueError, match="max_waiting must be at least max_patches"):
        ServerLimits(max_waiting=5)
    with pytest.raises(ValueError, match="max_held_bytes must be at least max_body_bytes"):
        ServerLimits(max_held_bytes=5)


def test_too_large(start, serving_folder):
    limits = ServerLimits(max_body_bytes=30_000, max_decompressed_bytes=40_000, max_patches=4)
    with start(serving_folder, limits) as server:
        assert server.infer(request(4)).status == 200
        reply = server.infer(request(5))
        assert (reply.status, "at most 4 patches" in reply.json()["error"]) == (413, True)
        reply = server.infer(b" " * 30_001)
        assert (reply.status, "at most 30,000 bytes" in reply.json()["error"]) == (413, True)
        assert reply.headers["connection"] == "close"
        bomb = gzip.compress(b" " * 10_000_000)
        assert len(bomb) < 30_000
        reply = server.infer(bomb, **{"Content-Encoding": "gzip"})
        assert (reply.status, "unpacks to more than 40,000" in reply.json()["error"]) == (413, True)
        # Without a length that could be looked at.
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            )
            for _ in range(4):
                raw.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
        assert server.infer(request()).status == 200
        metrics = server.ask("GET", "/metrics").body.decode()
        assert 'lungnet_refused_total{reason="too_large"} 4.0' in metrics


def test_too_slow(start, serving_folder):
    with start(serving_folder, ServerLimits(body_seconds=0.2)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{".encode())
            answer = raw.recv(1000)
            assert answer.startswith(b"HTTP/1.1 408 ") and b"connection: close" in answer.lower()
            assert b"longer than 0.2 s" in answer + raw.recv(1000)
        assert server.infer(request()).status == 200


def test_a_connection_that_is_dropped_costs_nothing(start, serving_folder, wait):
    with start(serving_folder) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{".encode())
            wait(lambda: server.service._bodies.held == 1)
        wait(lambda: server.service._bodies.held == 0)
        metrics = server.ask("GET", "/metrics").body.decode()
        assert 'lungnet_refused_total{reason="disconnected"} 1.0' in metrics


class Slow:
    """A classifier that waits for a word."""

    def __init__(self, classifier):
        self.classifier, self.go, self.asked = classifier, threading.Event(), threading.Event()

    def __call__(self, patches_hu):
        self.asked.set()
        assert self.go.wait(30)
        return self.classifier.predict_with_clusters(patches_hu)


def test_busy_and_late(start, serving_folder):
    limits = ServerLimits(max_waiting=2, max_patches=2, answer_seconds=0.5, retry_after_seconds=3)
    with start(serving_folder, limits, threads=1) as server:
        slow = Slow(server.service._model.classifier)
        server.service.now()[1]._predict = slow
        replies = []
        threads = [
            threading.Thread(target=lambda: replies.append(server.infer(request(2)))) for _ in range(3)
        ]
        threads[0].start()
        assert slow.asked.wait(30)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join(30)
        # The first is with the model and the second waits until both are late; the third is not let in.
        told = sorted(
            (reply.status, reply.headers["retry-after"], reply.json()["error"]) for reply in replies
        )
        assert told == [
            (503, "3", "No answer within 0.5 s; try again."),
            (503, "3", "No answer within 0.5 s; try again."),
            (503, "3", "Too many requests are waiting; try again."),
        ]
        slow.go.set()
        end = time.monotonic() + 30
        while server.infer(request()).status != 200:
            assert time.monotonic() < end


def test_all_bodies_together_have_a_bound(start, serving_folder):
    limits = ServerLimits(max_body_bytes=4000, max_decompressed_bytes=4000, max_held_bytes=4000)
    with start(serving_folder, limits) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n".encode())
            raw.sendall(b" " * 2000)
            end = time.monotonic() + 30
            while server.service._bodies.held < 2000:
                assert time.monotonic() < end
            body = json.dumps(request()).encode()[:3000]
            reply = server.infer(body)
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        end = time.monotonic() + 30
        while server.service._bodies.held:
            assert time.monotonic() < end
        assert server.infer(body).status == 400


def test_processes_share_what_all_requests_share():
    limits = ServerLimits(max_waiting=10_000).for_each_of(2)
    assert (limits.max_waiting, limits.max_held_bytes) == (5000, 128 * 2**20)
    assert limits.max_body_bytes == ServerLimits().max_body_bytes
    many = ServerLimits().for_each_of(100)  # the largest request still gets in
    assert (many.max_waiting, many.max_held_bytes) == (many.max_patches, many.max_body_bytes)
    assert [ScanLimits().for_each_of(count).max_scans for count in (1, 2, 100)] == [4, 2, 2]
