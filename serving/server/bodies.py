"""Bodies of requests, read within limits of size, time and of what all of them hold together."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.observing import Receive
from lungnet.serving.server.refusal import Refusal


class HeldBytes:
    """Counts the bytes of all bodies that are read or answered at a time.

    Args:
        limits: how many there may be.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self.held = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Gives a request its share, which it takes bit by bit and gives back in the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def _take(self, count: int) -> None:
        if self.held + count > self._limits.max_held_bytes:
            raise Refusal(
                503, "Too much is being sent at once; try again.", "busy", self._limits.retry_after_seconds
            )
        self.held += count


class Share:
    """What one request holds of them."""

    def __init__(self, of: HeldBytes) -> None:
        self._of = of
        self.taken = 0

    def take(self, count: int) -> None:
        """Takes more.

        Raises:
            Refusal: there is too much (503).
        """
        self._of._take(count)
        self.taken += count

    def give_back(self) -> None:
        """Gives back all of it."""
        self._of.held -= self.taken
        self.taken = 0


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, limits: ServerLimits, share: Share
) -> bytes:
    """Reads a body as it was sent.

    Args:
        headers: of the request, names in small letters.
        receive: of ASGI.
        limits: of size and time.
        share: of what all requests hold.

    Raises:
        Refusal: it is too large (413), too slow (408), or there is too much of others (503). The connection
            is closed then, for the rest of the body is not waited for.
    """
    try:
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limits.max_body_bytes:
            raise _too_large(limits)
        async with asyncio.timeout(limits.body_seconds):
            return await _counted(receive, limits, share)
    except TimeoutError:
        refusal = Refusal(408, f"The body took longer than {limits.body_seconds:g} s.", "slow")
    except Refusal as error:
        refusal = error
    refusal.headers["Connection"] = "close"
    raise refusal


async def _counted(receive: Receive, limits: ServerLimits, share: Share) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The connection ended within the body.", "disconnected")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limits.max_body_bytes:
            raise _too_large(limits)
        share.take(len(chunk))
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limits: ServerLimits) -> Refusal:
    return Refusal(413, f"A body may have at most {limits.max_body_bytes:,} bytes.", "too_large")
