"""Bodies of requests, read within limits of size, time and of what all of them hold together."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from lungnet.serving.server.limits import ServerLimits
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
            self.held -= share.taken

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


async def read_body(request: Request, limits: ServerLimits, share: Share) -> bytes:
    """Reads a body as it was sent.

    Raises:
        Refusal: it is too large (413), too slow (408), or there is too much of others (503). The connection
            is closed then, for the rest of the body is not waited for.
    """
    try:
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limits.max_body_bytes:
            raise _too_large(limits)
        async with asyncio.timeout(limits.body_seconds):
            return b"".join([chunk async for chunk in _counted(request, limits, share)])
    except TimeoutError:
        refusal = Refusal(408, f"The body took longer than {limits.body_seconds:g} s.", "slow")
    except ClientDisconnect:
        refusal = Refusal(400, "The connection ended within the body.", "disconnected")
    except Refusal as error:
        refusal = error
    refusal.headers["Connection"] = "close"
    raise refusal


async def _counted(request: Request, limits: ServerLimits, share: Share) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.max_body_bytes:
            raise _too_large(limits)
        share.take(len(chunk))
        yield chunk


def _too_large(limits: ServerLimits) -> Refusal:
    return Refusal(413, f"A body may have at most {limits.max_body_bytes:,} bytes.", "too_large")
