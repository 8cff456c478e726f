"""To whom a picture is shown: to those who may see the tweet that carries it."""

from services.media.model import Media
from services.media.ports import Holders
from services.platform.visibility.ports import Sights
from services.platform.visibility.seen import seen_among

__all__ = ["Showing"]


class Showing:
    """Asks the tweet service and the graph; raises `UnavailableError`."""

    def __init__(self, holders: Holders, sights: Sights) -> None:
        self._holders = holders
        self._sights = sights

    async def shows(self, media: Media, reader: int) -> bool:
        """Whether a reader who is not its owner may look at a picture."""
        if not media.is_attached:
            return False
        tweet = await self._holders.facts(media.holder)
        if tweet is None:
            return False
        return bool(await seen_among(self._sights, reader, {media.holder: tweet}, unasked=False))
