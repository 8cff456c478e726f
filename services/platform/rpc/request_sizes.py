"""How large a request may be, decompressed: two bounds, one of gRPC's and one of ours.

gRPC's comes first, before a message is whole in memory, but answers in words of its own; and it is
one for all the RPCs of a process, so it has to let the largest of them through. Ours is for each
RPC, before its message is looked into.
"""

from typing import Final

from services.platform.errors import InvalidArgumentError

__all__ = ["MAX_REQUEST_BYTES", "MAX_STREAMED_BYTES", "check_size"]

MAX_REQUEST_BYTES: Final = 64 * 1024
"""As much as the edge takes of a body. The largest between services, a thousand ids, has 10 kB."""

MAX_OPERATOR_REQUEST_BYTES: Final = 1024
"""The names of all queues are a fifth of it; each such request is written into the audit log."""

MAX_STREAMED_BYTES: Final = 256 * 1024
"""What gRPC takes.

An edge's first message on a stream describes the edge, in 60 KiB, and a batch of its log has 64 KiB
and one entry more; 64 KiB of JSON become 214 KiB where all of it is `-1,`, which makes ten bytes.
"""


def check_size(request: bytes, *, operators: bool) -> None:
    """Raise `InvalidArgumentError` for a request that is too large; `operators` may send less."""
    most = MAX_OPERATOR_REQUEST_BYTES if operators else MAX_REQUEST_BYTES
    if len(request) > most:
        raise InvalidArgumentError("request", f"must be at most {most} bytes, has {len(request)}")
