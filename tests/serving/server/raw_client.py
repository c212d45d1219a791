"""Requests byte by byte, on a connection that is kept."""

import http.client
import json
import socket
from io import BytesIO

import numpy as np

NEWEST, PINNED = "/v2/models/classifier/infer", "/v2/models/classifier/versions/7/infer"


def request(patch_hu: np.ndarray, path: str = NEWEST, **headers: str) -> bytes:
    """One patch as a binary tensor, answered in binary."""
    raw = patch_hu.astype("<i2").tobytes()
    told = {"binary_data_size": len(raw)}
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40], "parameters": told}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return with_head(text + raw, path, **{"Inference-Header-Content-Length": str(len(text)), **headers})


def with_head(body: bytes, path: str = NEWEST, **headers: str) -> bytes:
    told = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._left = b""

    def ask(self, *sent: bytes) -> tuple[int, dict[str, str], bytes]:
        for part in sent:
            self.raw.sendall(part)
        return self.reply()

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self._left:
            self._left += self._more()
        head, _, self._left = self._left.partition(b"\r\n\r\n")
        status, _, lines = head.partition(b"\r\n")
        if status.startswith(b"HTTP/1.1 100 "):
            return self.reply()
        headers = {name.lower(): value for name, value in http.client.parse_headers(BytesIO(lines)).items()}
        while len(self._left) < int(headers["content-length"]):
            self._left += self._more()
        body, self._left = (self._left[part] for part in _cut(int(headers["content-length"])))
        return int(status.split()[1]), headers, body

    def _more(self) -> bytes:
        part = self.raw.recv(65536)
        assert part, "the server closed the connection"
        return part


def _cut(length: int) -> tuple[slice, slice]:
    return slice(length), slice(length, None)
