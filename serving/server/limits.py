"""What a server takes upon itself, so that no request can exhaust it."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class ServerLimits:
    """Bounds of one server; what lies beyond them is refused.

    Attributes:
        max_body_bytes: of a request, as sent (413).
        max_decompressed_bytes: of a compressed one, unpacked (413).
        max_held_bytes: of all bodies together that are being read or answered (503), short ones that go the
            short way apart, of which each connection has one. What JSON becomes is several times as much,
            and long JSON is decoded one after the other.
        max_patches: in one request (413); JSON that would become more than so many is not decoded.
        max_batch: patches that one run of the graph sees.
        max_waiting: patches that wait for the model; more are turned away (503, Retry-After).
        body_seconds: from the headers to the end of the body (408).
        answer_seconds: a request waits for the model (503).
        retry_after_seconds: what those turned away are told.

    Raises:
        ValueError: a bound is not above zero, or what all requests share is less than one may have.
    """

    max_body_bytes: int = 32 * 2**20
    max_decompressed_bytes: int = 32 * 2**20
    max_held_bytes: int = 256 * 2**20
    max_patches: int = 4096
    max_batch: int = 128
    max_waiting: int = 8192
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    retry_after_seconds: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"{field.name} must be above 0. Received: {field.name}={value}")
        for shared, single in (
            ("max_waiting", "max_patches"),
            ("max_held_bytes", "max_body_bytes"),
            ("max_held_bytes", "max_decompressed_bytes"),
        ):
            if getattr(self, shared) < getattr(self, single):
                raise ValueError(
                    f"{shared} must be at least {single}, or the largest request never gets in. "
                    f"Received: {shared}={getattr(self, shared)}, {single}={getattr(self, single)}"
                )

    def for_each_of(self, processes: int) -> "ServerLimits":
        """Returns the bounds of each process where several make up the server: a share of what is shared."""
        return replace(
            self,
            max_waiting=max(self.max_patches, self.max_waiting // processes),
            max_held_bytes=max(
                self.max_body_bytes, self.max_decompressed_bytes, self.max_held_bytes // processes
            ),
        )
