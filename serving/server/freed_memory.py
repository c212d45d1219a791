"""Memory of models that are no longer served goes back to the system."""

import ctypes


def give_back_freed_memory() -> None:
    """Tells glibc to return what is free; other C libraries do so by themselves, or never.

    A session's memory lies scattered over glibc's arenas, which keep it: with each reload a server would hold
    a few MiB more, up to some hundred.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # Windows has no library without a name
        return
    trim(ctypes.c_size_t(0))
