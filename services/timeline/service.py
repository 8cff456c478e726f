"""The use cases: read a home timeline, read a user's timeline, build a home timeline anew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.platform.ids.arguments import check_id, check_optional_id
from services.timeline.hydration import Hydration
from services.timeline.model import ROUND_IDS, WINDOW_IDS, EncodedTweet
from services.timeline.page import Page, cut_page
from services.timeline.retweets import Once
from services.timeline.rules import RULES, Rule, apply_rules
from services.timeline.skeleton import AuthorSkeletons, HomeSkeletons, IdSources, Skeletons, above

__all__ = ["NO_BOUND", "TimelineService"]

NO_BOUND: Final = 0
"""As `since`: all tweets."""
MOST_IDS: Final = 10 * WINDOW_IDS
"""Ids that one read looks at, some tenths of a second: of authors who nearly only answer others,
few tweets show."""


class TimelineService:
    """Home and user timelines: skeleton → hydration → rules → page.

    Every method raises `InvalidArgumentError` for what can be no user id, `NotFoundError`
    (`USER_NOT_FOUND`) for one that names nobody, and `UnavailableError` when a source that no other
    can stand in for gives no answer.
    """

    def __init__(
        self, sources: IdSources, hydration: Hydration, rules: Sequence[Rule] = RULES
    ) -> None:
        self._sources = sources
        self._hydration = hydration
        self._rules = rules

    async def home(
        self,
        viewer: int,
        before: int | None,
        limit: int,
        since: int = NO_BOUND,
        *,
        first_retweet: int = NO_BOUND,
    ) -> Page:
        """Read a page of what the viewer and everybody they follow tweeted and retweeted.

        Newest first, and of entries below `before` (None: all) and above `since`. `before` and
        `first_retweet` are those of the page before.
        """
        check_id("user_id", viewer)
        check_optional_id("since_id", since)
        skeletons = HomeSkeletons(self._sources, viewer)
        once = Once(skeletons, self._hydration, self._rules, before, first_retweet)
        return await self._read(skeletons, once, before, limit, since)

    async def user(
        self, author: int, before: int | None, limit: int, since: int = NO_BOUND
    ) -> Page:
        """Read a page of one user's tweets and retweets, newest first, bounded as `home` is."""
        check_id("user_id", author)
        check_optional_id("since_id", since)
        await self._sources.owners.check(author)
        skeletons = AuthorSkeletons(self._sources, author)
        # Nobody retweets a tweet twice: there is nothing to look for on pages before, nor to tell
        # the next one.
        once = Once(skeletons, self._hydration, self._rules)
        page = await self._read(skeletons, once, before, limit, since)
        return replace(page, first_retweet=NO_BOUND)

    async def _read(
        self, skeletons: Skeletons, once: Once, before: int | None, limit: int, since: int
    ) -> Page:
        """Take the four steps; again, for as long as rules hide tweets and older ones exist.

        One tweet more than the page has room for says that a page follows. Each round asks for as
        many ids as are wanted if rules hide as many as before, and after `MOST_IDS` the page ends
        as it is.
        """
        shown: list[EncodedTweet] = []
        wanted, read = limit + 1, 0
        while True:
            skeleton = above(await skeletons.below(before, wanted), since)
            tweets = await self._hydration.hydrate(skeleton)
            shown += await once.of(apply_rules(self._rules, tweets, skeleton.view))
            if len(shown) > limit or skeleton.run.ended:
                return once.told(cut_page(shown, limit, mark=skeletons.mark))
            before = skeleton.run.ids[-1]
            read += len(skeleton.run.ids)
            if read >= MOST_IDS:
                return once.told(cut_page(shown, limit, before, mark=skeletons.mark))
            missing = limit + 1 - len(shown)
            likely = missing * (1 + read // max(1, len(shown)))
            wanted = min(likely, 2 * wanted, ROUND_IDS)

    async def rebuild_home(self, viewer: int) -> None:
        """Store the viewer's timeline anew from the authors; the next read is cold, and right.

        Repeating it is safe. No row is deleted: one that should not be there is hidden at read, and
        readers meanwhile find no less than before.
        """
        check_id("user_id", viewer)
        await self._sources.owners.check(viewer)
        await self._sources.backfill.build(viewer)
        # Rows first: whoever warms the list after it was dropped reads them complete.
        await self._sources.hot.forget_home(viewer)
