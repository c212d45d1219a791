import ctypes
import os
import sys
from pathlib import Path

import pytest

from lungnet.serving.server.freed_memory import give_back_freed_memory


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc")
def test_what_is_free_goes_back_to_the_system():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(ctypes.c_size_t(64 * 2**10)) for _ in range(1024)]  # below what is mapped apart
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, 64 * 2**10)
    for block in blocks[:-1]:  # the last one keeps the top of the heap
        libc.free(block)
    before = resident_bytes()
    give_back_freed_memory()
    assert before - resident_bytes() > 32 * 2**20
    libc.free(blocks[-1])


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_back_freed_memory()
