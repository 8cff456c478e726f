"""One picture in a process of its own: bytes in, pictures out, within limits that the kernel keeps.

Some hundred bytes can have a decoder work for an hour, or ask for all memory; and one that crashes
takes its process along. Here that ends one picture.
"""

import resource
import sys

from services.media.images import make_image
from services.media.made_pictures import encode_made

__all__: list[str] = []


def _limit(cpu_s: int, memory_bytes: int) -> None:
    """Bound this process. At the end of its time it dies of SIGXCPU, and writes no core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


if __name__ == "__main__":
    _limit(*map(int, sys.argv[1:]))
    sys.stdout.buffer.write(encode_made(make_image(sys.stdin.buffer.read())))
