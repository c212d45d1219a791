"""What the JSON of a request may become, bounded before it is decoded.

A list takes some twenty times the bytes that it has in JSON, so the size of a body alone says little. What a
decoder makes can be counted without one, though: each value but the first of a list stands behind a comma.
"""

import threading

from lungnet.serving.classifier import PATCH_SIZE
from lungnet.serving.server.refusal import Refusal

#: Longer JSON is checked. Bodies that the event loop reads are not longer: it never waits for `DECODING`.
LONG_JSON = 64 * 2**10
#: Held while long JSON is decoded: what it becomes is there once at a time. The decoder keeps the
#: interpreter's lock, so nothing is lost.
DECODING = threading.Lock()

#: What the data of a patch may hold, nested as the shape is; flat data hold less.
_OF_A_PATCH = {b",": PATCH_SIZE**2, b"[": PATCH_SIZE + 1, b"{": 0, b'"': 0}
#: Of each, what the rest of a request may hold: a few dozen are usual.
_BESIDES = 1000


def check_json(text: bytes, max_patches: int) -> None:
    """Refuses JSON that holds more than the largest request does: numbers, lists, objects or texts.

    Args:
        text: JSON, or what is sent as such.
        max_patches: of the largest request.

    Raises:
        Refusal: it holds more (413).
    """
    if any(text.count(mark) > of_one * max_patches + _BESIDES for mark, of_one in _OF_A_PATCH.items()):
        raise Refusal(
            413,
            f"The JSON holds more numbers, lists or texts than a request of {max_patches:,} patches does.",
            "too_large",
        )
