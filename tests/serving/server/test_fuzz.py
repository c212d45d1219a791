"""Whatever is sent, the server answers, and never that it failed."""

import copy
import json
import random
from typing import Any

import pytest

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        -(2**63),
        10**400,
        1e308,
        -0.0,
        0.5,
        "",
        "x",
        "patches_hu",
        "\ud800",
        "\0",
    ),
    *(
        [],
        [[]],
        {},
        [None],
        [1, 2],
        [1, 40, 40],
        [1, 40, -40],
        {"name": "cluster"},
        {"binary_data_size": 3200},
    ),
)
GOOD = {
    "id": "one",
    "parameters": {"binary_data_output": False},
    "inputs": [
        {
            "name": "patches_hu",
            "datatype": "INT16",
            "shape": [1, 40, 40],
            "parameters": {},
            "data": [0] * 1600,
        }
    ],
    "outputs": [{"name": "probability", "parameters": {"binary_data": True}}],
}


def places(value, at=()):
    """Every place in a document, the long list of pixels as one."""
    yield at
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from places(inside, (*at, key))
    elif isinstance(value, list) and len(value) < 100:
        for number, inside in enumerate(value):
            yield from places(inside, (*at, number))


def replaced(document, at, value):
    if not at:
        return value
    made = copy.deepcopy(document)
    inside = made
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return made


@pytest.mark.parametrize("at", list(places(GOOD)), ids=str)
def test_an_odd_value_in_each_place(server, at):
    for value in ODD:
        body = json.dumps(replaced(GOOD, at, value)).encode()
        reply = server.infer(body)
        assert reply.status in (200, 400, 413), (at, value, reply.body)
        if reply.status != 200:
            assert list(reply.json()) == ["error"]


def test_bytes_turned_over(server):
    rng = random.Random(0)
    text = json.dumps(GOOD).encode()
    for _ in range(100):
        body = bytearray(text)
        for _ in range(rng.randint(1, 8)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        headers = rng.choice(
            [
                {},
                {"Inference-Header-Content-Length": str(rng.randint(0, len(body)))},
                {"Content-Encoding": "gzip"},
            ]
        )
        assert server.infer(bytes(body[: rng.randint(0, len(body))]), **headers).status in (200, 400, 413)
