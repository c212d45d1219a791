"""Connections that are ended when the headers of a request take too long or too much."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: From the connection, or from a request's first byte, to the end of its headers.
HEADER_SECONDS = 10.0
#: Of all headers of a request.
MAX_HEADER_BYTES = 64 * 2**10


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, which by itself waits for headers without end, and keeps them all."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the wait."""
        self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passes bytes on, unless they are headers without end."""
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begins to wait for the headers of a request on a connection that is kept."""
        super().on_message_begin()
        if not self._in_headers:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """Ends the wait; bodies have bounds of their own."""
        self._headers_came()
        super().on_headers_complete()

    def _headers_came(self) -> None:
        self._in_headers = False
        self._patience.cancel()

    def _expect_headers(self) -> None:
        self._in_headers, self._header_bytes = True, 0
        self._patience = self.loop.call_later(HEADER_SECONDS, self._refuse, b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._patience.cancel()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # nothing is being answered
            end = b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(b"HTTP/1.1 " + status + end)
        self.transport.close()
