"""Opening a shared index, where one is set: nobody else pays for the import of its client."""

import os
import secrets
import socket
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock

if TYPE_CHECKING:
    from services.search.opensearch_index import OpenSearchIndex
    from services.search.opensearch_state import OpenSearchState

__all__ = ["Shared", "open_shared"]


@dataclass(frozen=True, slots=True)
class Shared:
    """An index, and what says who keeps it and how far it is."""

    index: "OpenSearchIndex"
    state: "OpenSearchState"
    name: str
    """What operators call it."""


def open_shared(url: str, clock: Clock, stack: AsyncExitStack) -> Shared:
    """Open it until the stack unwinds; the cluster is not asked, and may be away.

    Raises `OSError` where the certificates that the URL names cannot be read.
    """
    from services.search.opensearch_client import open_client  # noqa: PLC0415 - as above
    from services.search.opensearch_index import OpenSearchIndex  # noqa: PLC0415
    from services.search.opensearch_mapping import INDEX  # noqa: PLC0415
    from services.search.opensearch_state import OpenSearchState  # noqa: PLC0415

    client = open_client(url)
    stack.push_async_callback(client.close)
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    state = OpenSearchState(client, INDEX, holder, clock)

    async def release() -> None:
        with suppress(UnavailableError):
            await state.release()

    stack.push_async_callback(release)
    return Shared(OpenSearchIndex(client, INDEX, state), state, INDEX)
