"""Threads share an arena, as glibc itself reports."""

import subprocess
import sys

import pytest

from services.platform.runtime.arenas import share_one_arena

IN_THREADS = """
import ctypes, threading
from services.platform.runtime.arenas import share_one_arena
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
threads = [threading.Thread(target=libc.malloc, args=(100_000,)) for _ in range(3)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc.fdopen.restype = ctypes.c_void_p
stdout = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""


def arenas(first: str) -> int:
    """Count those of a process that does this first, and then takes memory in three threads."""
    script = IN_THREADS.format(first=first)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return ran.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="arenas are glibc's")
def test_threads_share_one_arena() -> None:
    assert arenas("pass") > 1
    assert arenas(share_one_arena.__name__ + "()") == 1
