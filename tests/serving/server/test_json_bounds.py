"""JSON that would become more than the largest request does is refused before it is decoded."""

import gzip
import json
import threading
import tracemalloc

import numpy as np
import pytest

from lungnet.serving.server import ServerLimits
from lungnet.serving.server.infer_protocol import InferRequest, read_request
from lungnet.serving.server.json_bounds import DECODING, LONG_JSON, check_json
from lungnet.serving.server.refusal import Refusal

#: A request of 40 patches is longer than `LONG_JSON`.
LIMITS = ServerLimits(max_patches=40)
SENTENCE = r"The JSON holds more numbers, lists or texts than a request of 40 patches does\."


def read(body: bytes) -> InferRequest:
    return read_request(body, len(body), LIMITS)


def request(data: str, patches: int = 40, **more: str) -> bytes:
    tensor = f'{{"name":"patches_hu","datatype":"INT16","shape":[{patches},40,40],"data":{data}}}'
    first = "".join(f"{json.dumps(key)}:{value}," for key, value in more.items())
    return f'{{{first}"inputs":[{tensor}]}}'.encode()


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
def test_the_largest_requests_pass_as_they_are(nested: bool, indent: int | None):
    patches_hu = np.random.default_rng(0).integers(-32768, 32768, (40, 40, 40)).astype(np.int16)
    data = json.dumps((patches_hu if nested else patches_hu.ravel()).tolist(), indent=indent)
    body = request(data, id='"[one, {two"', parameters='{"binary_data_output":true}')
    assert len(body) > LONG_JSON
    found = read(body)
    np.testing.assert_array_equal(found.patches_hu, patches_hu)
    assert found.id == "[one, {two"
    assert found.outputs == (("probability", True), ("cluster", True))


@pytest.mark.parametrize(
    "data",
    [
        "[" + "[]," * 30_000 + "0]",
        "[" + "{}," * 30_000 + "0]",
        "[" + '"ab",' * 30_000 + "0]",
        "[" + "300," * 70_000 + "0]",
        "[" + "0.5," * 70_000 + "0]",
        "[" * 100_000,
    ],
    ids=["lists", "objects", "texts", "numbers", "fractions", "depth"],
)
def test_what_would_become_more_is_not_decoded(data: str):
    for body in (request(data), request("[0]", more=data), data.encode()):
        tracemalloc.start()
        try:
            with pytest.raises(Refusal, match=SENTENCE) as refused:
                read(body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (refused.value.status, refused.value.reason) == (413, "too_large")
        assert peak < 2 * len(body)


def test_the_bound_by_hand():
    """40 patches: 1,600 numbers and 41 lists of each, and 1,000 besides."""
    for mark, most in ((b"[", 2640), (b",", 65_000), (b"{", 1000), (b'"', 1000)):
        check_json(mark * most, 40)
        with pytest.raises(Refusal, match=SENTENCE):
            check_json(mark * (most + 1), 40)


def test_a_head_in_front_of_bytes_is_bounded_too():
    text = request("0", parameters="[" + "[]," * 30_000 + "0]")
    with pytest.raises(Refusal, match=SENTENCE):
        read_request(text + bytes(3200), len(text), LIMITS)


def test_few_packed_bytes_do_not_unfold(server):
    body = gzip.compress(b'{"inputs":[' + b"[]," * 11_000_000 + b"0]}", 1)
    reply = server.infer(body, **{"Content-Encoding": "gzip"})
    assert (reply.status, "a request of 4,096 patches" in reply.json()["error"]) == (413, True)


def test_long_json_is_decoded_one_after_the_other_and_short_json_at_once():
    found: list[InferRequest] = []
    body = request(json.dumps([0] * 64_000))
    one = threading.Thread(target=lambda: found.append(read(body)))
    with DECODING:
        one.start()
        one.join(0.1)
        assert one.is_alive() and not found
        assert len(read(request(json.dumps([0] * 1600), 1)).patches_hu) == 1
    one.join(30)
    assert len(found) == 1
