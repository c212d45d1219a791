"""Requests with a head that was answered before go a shorter way, and nothing else about them changes."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from lungnet.serving import Prediction
from lungnet.serving.server import Access, ServerLimits, quick_infer
from lungnet.serving.server.quick_connection import QuickProtocol
from lungnet.serving.server.refusal import FAILED
from lungnet.serving.server.service import Service
from tests.serving.server.raw_client import NEWEST, PINNED, Client, request, with_head

SAID, END = "a token that is long enough", b"\r\n\r\n"


@pytest.fixture
def whole_ways(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows by one with each request that goes the whole way."""
    seen: list[None] = []
    infer = Service.infer

    async def counted(self: Service, *arguments: Any) -> Any:
        seen.append(None)
        return await infer(self, *arguments)

    monkeypatch.setattr(Service, "infer", counted)
    return seen


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Client]]:
    opened: list[Client] = []

    def one(server: Any) -> Client:
        opened.append(Client(server.port))
        return opened[-1]

    yield one
    for client in opened:
        client.raw.close()


def probability(reply: tuple[int, dict[str, str], bytes]) -> float:
    status, headers, body = reply
    assert status == 200
    return float(np.frombuffer(body[int(headers["inference-header-content-length"]) :][:4], "<f4")[0])


@pytest.fixture(scope="module", params=[False, True], ids=["threads", "in_loop"])
def one(start_module, serving_folder, request) -> Iterator[Any]:
    with start_module(serving_folder, in_loop=request.param) as server:
        yield server


@pytest.mark.parametrize("path", [NEWEST, PINNED])
def test_answers_are_the_same_on_both_ways(one, connect, whole_ways, patches_hu, path):
    client = connect(one)
    first = client.ask(request(patches_hu[0], path, Which="first"))
    again = client.ask(request(patches_hu[0], path, Which="first"))
    assert len(whole_ways) == 1
    assert {**first[1], "date": ""} == {**again[1], "date": ""} and "date" in again[1]
    assert (first[0], first[2]) == (again[0], again[2])
    others = [connect(one).ask(request(patch, path, Which="first")) for patch in patches_hu]
    assert len(whole_ways) == 1  # other connections' heads are the same
    expected = one.service.require("classifier", None).classifier.predict(patches_hu)
    np.testing.assert_allclose([probability(reply) for reply in others], expected, atol=1e-6)


def test_json_is_answered_alike(one, connect, whole_ways, patches_hu):
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40]}
    body = json.dumps({"inputs": [{**tensor, "data": patches_hu[0].ravel().tolist()}]}).encode()
    replies = [connect(one).ask(with_head(body, Which="json")) for _ in range(2)]
    assert len(whole_ways) == 1
    assert replies[0][2] == replies[1][2] and replies[1][1]["content-type"] == "application/json"


def test_what_is_wrong_goes_the_whole_way(one, connect, whole_ways, patches_hu):
    client = connect(one)
    good = request(patches_hu[0], Which="wrong")
    client.ask(good)
    client.ask(good)
    assert len(whole_ways) == 1
    bad = good.replace(b"INT16", b"FP166")
    assert client.ask(bad)[0] == 400 and len(whole_ways) == 2
    assert client.ask(good)[0] == 200 and len(whole_ways) == 2


def test_what_comes_in_pieces_or_at_once_is_answered_in_order(one, connect, whole_ways, patches_hu):
    client = connect(one)
    requests = [request(patch, Which="pieces") for patch in patches_hu]
    expected = [probability(client.ask(each)) for each in requests]
    assert len(whole_ways) == 1
    client.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert probability(client.ask(requests[0][:50], requests[0][50:])) == expected[0]
    client.raw.sendall(b"".join(requests))
    assert [probability(client.reply()) for _ in requests] == expected
    assert probability(client.ask(requests[2])) == expected[2]


def test_what_comes_before_the_answer_waits_for_it(start, serving_folder, connect, patches_hu, wait):
    with start(serving_folder) as server:
        client = connect(server)
        requests = [request(patch) for patch in patches_hu]
        expected = [probability(client.ask(each)) for each in requests]
        batcher, predict = server.service.now()[1], server.service.now()[1]._predict
        held = [b"not yet"]

        def slow(patches: np.ndarray) -> Prediction:
            wait(lambda: not held)
            return predict(patches)

        batcher._predict = slow
        for each in requests:
            client.raw.sendall(each)
            wait(lambda: batcher._running > 0)
        held.clear()
        assert [probability(client.reply()) for _ in requests] == expected


def test_only_plain_requests_are_remembered(one, connect, whole_ways, patches_hu):
    for number, headers in enumerate(
        ({"Connection": "close"}, {"Expect": "100-continue"}, {"A": "b" * 3000})
    ):
        for _ in range(2):
            connect(one).ask(request(patches_hu[0], **headers))
        assert len(whole_ways) == 2 * number + 2
    long = request(patches_hu[0])
    head, _, body = long.partition(b"\r\n\r\n")
    chunked = b"\r\n".join(
        [line for line in head.split(b"\r\n") if b"Content-Length: 3" not in line]
        + [b"Transfer-Encoding: chunked", b"", b"%x" % len(body), body, b"0", b"", b""]
    )
    for _ in range(2):
        assert connect(one).ask(chunked)[0] == 200
    assert len(whole_ways) == 8


def test_a_token_is_asked_for_each_time(start, serving_folder, connect, patches_hu):
    with start(serving_folder, access=Access(token=SAID)) as server:
        client = connect(server)
        for _ in range(3):
            assert client.ask(request(patches_hu[0], Authorization=f"Bearer {SAID}"))[0] == 200
            assert client.ask(request(patches_hu[0], Authorization="Bearer another"))[0] == 401
            assert client.ask(request(patches_hu[0]))[0] == 401
            foreign = request(patches_hu[0], Authorization=f"Bearer {SAID}", Origin="http://elsewhere")
            assert client.ask(foreign)[0] == 403


def test_a_version_that_was_exchanged_is_not_there(
    start, serving_folder, tmp_path, add, connect, wait, patches_hu, classifier_file
):
    import onnx

    add(tmp_path, 7, onnx.load(classifier_file))
    with start(tmp_path) as server:
        client = connect(server)
        for _ in range(2):
            assert client.ask(request(patches_hu[0], PINNED))[0] == 200
            assert client.ask(request(patches_hu[0]))[0] == 200
        add(tmp_path, 8, onnx.load(classifier_file))
        wait(lambda: b'"8"' in client.ask(request(patches_hu[0]))[2])
        assert client.ask(request(patches_hu[0], PINNED))[0] == 404


def test_failures_and_lateness_are_told(start, serving_folder, connect, wait, patches_hu):
    limits = ServerLimits(answer_seconds=0.2, max_waiting=4096)
    with start(serving_folder, limits=limits) as server:
        client, batcher = connect(server), server.service.now()[1]
        good, predict = request(patches_hu[0]), batcher._predict
        assert [client.ask(good)[0] for _ in range(2)] == [200, 200]

        def broken(patches: np.ndarray) -> Prediction:
            raise RuntimeError("a fault")

        batcher._predict = broken
        status, headers, body = client.ask(good)
        assert (status, json.loads(body)) == (500, {"error": FAILED})
        held = [b"not yet"]

        def slow(patches: np.ndarray) -> Prediction:
            wait(lambda: not held)
            return predict(patches)

        batcher._predict = slow
        status, headers, body = client.ask(good)
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body) == {"error": "No answer within 0.2 s; try again."}
        held.clear()
        batcher._predict = predict
        assert client.ask(good)[0] == 200
        assert server.service._bodies.held == 0
        text = server.ask("GET", "/metrics").body.decode()
        route = f'route="{NEWEST.replace("classifier", "{model_name}")}"'
        for status, count in ((200, 3), (500, 1), (503, 1)):
            assert f'lungnet_requests_total{{method="POST",{route},status="{status}"}} {count}.0' in text


@pytest.mark.parametrize("in_loop", [False, True])
def test_what_cannot_be_written_is_a_failure(start, serving_folder, connect, patches_hu, in_loop):
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40]}
    body = json.dumps({"inputs": [{**tensor, "data": patches_hu[0].ravel().tolist()}]}).encode()
    with start(serving_folder, in_loop=in_loop) as server:
        client, batcher = connect(server), server.service.now()[1]
        assert client.ask(with_head(body))[0] == 200
        predict = batcher._predict
        batcher._predict = lambda patches: Prediction(np.full(1, np.nan, np.float32), np.zeros(1, np.int64))
        status, _, told = client.ask(with_head(body))
        assert (status, json.loads(told)) == (500, {"error": FAILED})
        batcher._predict = predict
        assert client.ask(with_head(body))[0] == 200


def test_few_heads_are_remembered(start, serving_folder, connect, patches_hu, whole_ways, monkeypatch):
    monkeypatch.setattr(quick_infer, "MAX_HEADS", 2)
    with start(serving_folder) as server:
        client = connect(server)
        for number in (1, 2, 3, 3, 2, 1):  # the third takes the place of the first
            client.ask(request(patches_hu[0], Number=str(number)))
        assert len(whole_ways) == 4


def test_an_answer_is_given_before_the_server_ends(start, serving_folder, connect, wait, patches_hu):
    with start(serving_folder) as server:
        client, batcher = connect(server), server.service.now()[1]
        good, predict = request(patches_hu[0]), batcher._predict
        expected = probability(client.ask(good))
        held = [b"not yet"]

        def slow(patches: np.ndarray) -> Prediction:
            wait(lambda: not held)
            return predict(patches)

        batcher._predict = slow
        client.raw.sendall(good)
        wait(lambda: batcher._running > 0)
        server.end()
        with pytest.raises(TimeoutError):
            client.raw.settimeout(0.3)
            client.reply()
        client.raw.settimeout(30)
        held.clear()
        reply = client.reply()
        assert probability(reply) == expected and reply[1]["connection"] == "close"
        assert client.raw.recv(1) == b""


def test_a_silent_connection_is_closed(start, serving_folder, connect, patches_hu, monkeypatch):
    with start(serving_folder, keep_alive=1) as server:
        client = connect(server)
        for _ in range(3):
            client.ask(request(patches_hu[0]))
        assert client.raw.recv(1) == b""  # well within the 30 s of its own patience


def test_who_takes_no_answers_goes_the_whole_way(one, connect, whole_ways, patches_hu, monkeypatch):
    client = connect(one)
    good = request(patches_hu[0], Which="not taken")
    expected = probability(client.ask(good))
    begun = []
    idle = QuickProtocol._is_idle

    def paused(self: QuickProtocol) -> bool:
        self.pause_writing()
        begun.append(idle(self))
        self.resume_writing()
        return begun[-1]

    monkeypatch.setattr(QuickProtocol, "_is_idle", paused)
    assert probability(client.ask(good)) == expected
    assert begun == [False] and len(whole_ways) == 2


def test_bytes_that_are_not_all_of_a_head_are_not_remembered(start, serving_folder, connect, patches_hu):
    with start(serving_folder, access=Access(token=SAID)) as server:
        good = request(patches_hu[0], Authorization=f"Bearer {SAID}")
        body = good.partition(END)[2]
        client = connect(server)
        for _ in range(2):  # empty lines before a request are no part of it
            assert client.ask(END + good)[0] == 200
        assert client.ask(END + body)[0] == 400
        client = connect(server)
        for _ in range(2):
            assert client.ask(good.replace(b" HTTP", b"?a=b HTTP"))[0] == 200
        # Line ends that are none, and bytes of the body that look like the end of the head.
        odd = good.replace(b"\r\n", b"\n", 3).replace(body, END + body[4:])
        for _ in range(2):
            assert connect(server).ask(odd)[0] == 400
