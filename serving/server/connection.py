"""Connections that are ended when their other side does not get on with a request, or with taking an answer.

By itself uvicorn waits without end for headers and keeps them all, trailers too; any byte stops the timer of
a connection that is kept, also an empty line or the body of a request that was answered without it; and for
each answer it reads as many requests ahead as come at once.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lungnet.serving.server.access import FULL

#: From the connection, or from a request's first byte, to the end of its headers.
HEADER_SECONDS = 10.0
#: Of all headers of a request, and of all its trailers.
MAX_HEADER_BYTES = 64 * 2**10
#: From an answer to the end of the body, where it was given without that.
REST_SECONDS = 10.0
#: For answers to be taken, once there are so many that writing waits or the connection is closed.
TAKE_SECONDS = 30.0
#: Requests that wait for the answers to those before them on a connection; later ones are not answered on it.
MAX_PIPELINED = 32
#: Requests that come on more are told 503.
MAX_CONNECTIONS = 1024


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, with an end to everything that it waits for.

    Headers have `_patience`; where nothing is answered and no headers are awaited, the timer of connections
    that are kept goes on until `_kept_until`, whatever comes. Answers and bodies that are read for them have
    bounds of their own.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._has_room = max(len(self.connections) - 1, len(self.tasks)) < MAX_CONNECTIONS
        self._between_messages = True
        self._kept_until = 0.0
        self._taking: asyncio.TimerHandle | None = None
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all waiting."""
        self._patience.cancel()
        self._unset_keepalive_if_required()
        self._taken()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Lets the connection be closed."""
        super().eof_received()
        self._expect_taking()

    def data_received(self, data: bytes) -> None:
        """Passes bytes on, unless they are headers without end."""
        self._header_bytes += len(data)  # until the parser tells of something else
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large", "too_large")
        elif not (self._in_headers or self._owes_answer() or self.timeout_keep_alive_task):
            self.timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        """Begins to wait for the headers of a request on a connection that is kept."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("Too many requests are waiting.")  # to the parser, which stops
        self._between_messages = False
        super().on_message_begin()
        if not self._has_room:
            self.scope["state"][FULL] = True
        if not self._in_headers:
            self._expect_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header; trailers are dropped."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Ends the wait; bodies have bounds of their own."""
        self._headers_came()
        self._header_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body."""
        self._header_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begins to wait for another request, or for the answer to this one."""
        self._between_messages = True
        self._keep(self.timeout_keep_alive)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begins to wait for another request, or for the rest of this one."""
        self._keep(self.timeout_keep_alive if self._between_messages else REST_SECONDS)
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_taking()

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection on which nothing came in time; the time may have been put off since."""
        left = self._kept_until - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            self._end()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request, and closes the connection; after the answers, where requests wait."""
        if self._owes_answer() and self._between_messages:  # they were too many
            self.cycle.keep_alive = False
        else:
            self.note_refusal("no_request")
            super().send_400_response(msg)
            self._expect_taking()

    def pause_writing(self) -> None:
        """Begins to wait for answers to be taken."""
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        """Ends the wait, save before the end."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._taken()

    def _owes_answer(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _keep(self, seconds: float) -> None:
        self._kept_until = self.loop.time() + seconds

    def _headers_came(self) -> None:
        self._in_headers = False
        self._patience.cancel()

    def _expect_headers(self) -> None:
        self._in_headers, self._header_bytes = True, 0
        self._patience = self.loop.call_later(HEADER_SECONDS, self._miss_headers)

    def _miss_headers(self) -> None:
        if self._owes_answer():  # meanwhile nothing may be read, and the answer is to arrive
            self._patience = self.loop.call_later(HEADER_SECONDS, self._miss_headers)
        else:
            self._refuse(b"408 Request Timeout", "slow")

    def note_refusal(self, reason: str) -> None:
        """Is told of what is refused before there is a request."""

    def _refuse(self, status: bytes, reason: str) -> None:
        if self.transport.is_closing():
            return
        self.note_refusal(reason)
        if self._in_headers and not self._owes_answer():
            end = b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(b"HTTP/1.1 " + status + end)
        self._end()

    def _end(self) -> None:
        self._patience.cancel()
        self.transport.close()
        self._expect_taking()

    def _expect_taking(self) -> None:
        if self._taking is None:
            self._taking = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
