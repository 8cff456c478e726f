"""What a viewer did with tweets is kept in processes under a mark, which is in Valkey.

Each read of a home looks at the viewer's mark, in the call that it makes anyhow
(`HotLists.read_beside`). Whoever changes what the viewer did removes the mark once that is durable;
the next read makes a new one, and whoever kept something under the old one looks it up again. So
what is looked up after a mark was seen may be kept under it, as relations are under their nonce.
"""

from collections.abc import Collection

from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.timeline.keys import viewer_mark_key

__all__ = ["ViewerMarks"]


class ViewerMarks:
    """The marks of one Valkey node or cluster."""

    def __init__(self, client: ValkeyClient) -> None:
        self._client = client

    async def invalidate(self, viewer_ids: Collection[int]) -> None:
        """Remove the marks of viewers, in one round trip; raises `UnavailableError`."""
        pipeline = self._client.pipeline(transaction=False)
        for viewer_id in viewer_ids:
            pipeline.delete(viewer_mark_key(viewer_id))
        with valkey_errors():
            await pipeline.execute()
