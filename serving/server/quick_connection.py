"""Connections that tell heads that are known from others before they are parsed."""

from typing import Any

from lungnet.serving.server.connection import BoundedProtocol
from lungnet.serving.server.quick_infer import HEAD, MAX_HEAD_BYTES, QuickInfer
from lungnet.serving.server.refusal import Headers, response_head

_END = b"\r\n\r\n"


class QuickProtocol(BoundedProtocol):
    """uvicorn's connection, on which whole requests with a known head go the short way.

    Args:
        quick: the heads that are known.
        arguments: of uvicorn.
    """

    def __init__(self, quick: QuickInfer, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._quick = quick
        self._head: bytes | None = None
        self._answering = self._closing = False
        self._early = b""

    def data_received(self, data: bytes) -> None:
        """Answers a known request; everything else is parsed."""
        if self._answering:  # it did not wait for its answer
            self._early += data
            self.flow.pause_reading()
        elif not self._is_idle() or not self._answer_known(data):
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Hands on the head's bytes, so that they can be known the next time."""
        super().on_message_begin()
        self.scope["state"][HEAD] = self._head
        self._head = None

    def note_refusal(self, reason: str) -> None:
        """Counts it with the service's refusals."""
        self._quick.metrics.refused(reason)

    def shutdown(self) -> None:
        """Closes the connection, after the answer where there is one to come."""
        if self._answering:
            self._closing = True
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Waits on while an answer is to come: answers on the short way do not stop the timer."""
        if self._answering:
            self.timeout_keep_alive_task = self.loop.call_later(1.0, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _is_idle(self) -> bool:
        return (
            self._between_messages
            and (self.cycle is None or self.cycle.response_complete)
            and self._has_room
            and not self.flow.write_paused  # the whole way waits until answers are taken
            and not self.transport.is_closing()
        )

    def _answer_known(self, data: bytes) -> bool:
        end = data.find(_END, 0, MAX_HEAD_BYTES) + len(_END)
        if end < len(_END):
            return False
        head = data[:end]
        known = self._quick.known.get(head)
        if known is None:
            self._head = head
            return False
        if len(data) - end != known.body_bytes or not self._quick.submit(known, data[end:], self._send):
            return False
        self._answering = True
        self._headers_came()
        return True

    def _send(self, status: int, body: bytes, headers: Headers) -> None:
        self._answering = False
        if self.transport.is_closing():  # whoever asked has left
            return
        if self._closing:
            headers += ((b"connection", b"close"),)
        self.transport.write(response_head(status, (*self.server_state.default_headers, *headers)) + body)
        self.server_state.total_requests += 1
        if self._closing:
            self._end()
            return
        self._kept_until = self.loop.time() + self.timeout_keep_alive
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()
        if self._early:
            early, self._early = self._early, b""
            self.flow.resume_reading()
            self.data_received(early)
