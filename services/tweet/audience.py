"""For whom a tweet is that is for those whom it mentions alone."""

from services.platform.text.entities import Entities
from services.platform.visibility.rule import Visibility
from services.tweet.ports import Handles

__all__ = ["audience_of"]


async def audience_of(handles: Handles, found: Entities, visibility: Visibility) -> tuple[int, ...]:
    """Give the ids of who is mentioned, where they alone may see it. Raises `UnavailableError`.

    Ids, as they are now: a handle that somebody else takes later shows them nothing.
    """
    if visibility is not Visibility.MENTIONED:
        return ()
    named = list(dict.fromkeys(each.username.lower() for each in found.mentions))
    return tuple(sorted(await handles.owners(named))) if named else ()
