"""The use cases: read a home timeline, read a user's timeline, build a home timeline anew."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from services.platform.ids.arguments import check_id, check_optional_id
from services.platform.ids.newer_pages import empty_page_after, newer_page
from services.timeline.hydration import Hydration
from services.timeline.model import MOST_IDS, ROUND_IDS, EncodedTweet, IdRun, Skeleton, View
from services.timeline.page import Page, cut_page, fitting
from services.timeline.retweets import Once, OnceFromTop
from services.timeline.rules import RULES, Rule, apply_rules, shows_anything
from services.timeline.seeing import Seeing
from services.timeline.skeleton import AuthorSkeletons, HomeSkeletons, IdSources, Skeletons, above

__all__ = ["NO_BOUND", "TimelineService"]

_ENTRY_ID: Final = attrgetter("entry_id")
NO_BOUND: Final = 0
"""As `since`: all tweets."""

Sees = Callable[[Sequence[EncodedTweet], View], Awaitable[View]]
"""Adds to a view how its reader stands to the authors of some tweets."""


class TimelineService:
    """Home and user timelines: skeleton → hydration → rules → page.

    Every method raises `InvalidArgumentError` for what can be no user id, `NotFoundError`
    (`USER_NOT_FOUND`) for one that names nobody, and `UnavailableError` when a source that no other
    can stand in for gives no answer.
    """

    def __init__(
        self,
        sources: IdSources,
        hydration: Hydration,
        seeing: Seeing,
        rules: Sequence[Rule] = RULES,
    ) -> None:
        self._sources = sources
        self._seeing = seeing
        self._hydration = hydration
        self._rules = rules

    async def home(  # noqa: PLR0913 - where a page begins, and ends
        self,
        viewer: int,
        before: int | None,
        limit: int,
        since: int = NO_BOUND,
        *,
        after: int | None = None,
        first_retweet: int = NO_BOUND,
    ) -> Page:
        """Read a page of what the viewer and everybody they follow tweeted and retweeted.

        Newest first, and of entries below `before` (None: all) and above `since`. With `after` the
        page is of the entries next above it instead. `before` or `after`, and `first_retweet`, are
        those of the page beside it.
        """
        check_id("user_id", viewer)
        check_optional_id("since_id", since)
        skeletons = HomeSkeletons(self._sources, viewer)
        if after is not None:
            first = OnceFromTop(skeletons, self._hydration, self._rules, after, first_retweet)
            return await self._read_newer(skeletons, first, self._seeing.home, after, limit, since)
        once = Once(skeletons, self._hydration, self._rules, before, first_retweet)
        return await self._read(skeletons, once, self._seeing.home, before, limit, since)

    async def user(  # noqa: PLR0913 - where a page begins, and ends
        self,
        author: int,
        reader: int,
        before: int | None,
        limit: int,
        since: int = NO_BOUND,
        *,
        after: int | None = None,
    ) -> Page:
        """Read a page of one user's tweets and retweets, newest first, bounded as `home` is.

        As far as the reader (0: nobody in particular) may see them: a protected user shows nothing
        to strangers, nor does one who blocks the reader.
        """
        check_id("user_id", author)
        check_optional_id("since_id", since)
        await self._sources.owners.check(author)
        view = await self._seeing.user((), View(author, reader=reader))
        if not shows_anything(view):
            return Page((), None, max(since, empty_page_after(before) if after is None else after))
        skeletons = AuthorSkeletons(self._sources, view)
        # Nobody retweets a tweet twice: there is nothing to look for on pages before, nor to tell
        # the next one.
        once = Once(skeletons, self._hydration, self._rules)
        if after is None:
            page = await self._read(skeletons, once, self._seeing.user, before, limit, since)
        else:
            page = await self._read_newer(skeletons, once, self._seeing.user, after, limit, since)
        return replace(page, first_retweet=NO_BOUND)

    async def _read(  # noqa: PLR0913, PLR0917 - all that reads differ in
        self,
        skeletons: Skeletons,
        once: Once,
        seen_by: Sees,
        before: int | None,
        limit: int,
        since: int,
    ) -> Page:
        """Take the four steps; again, for as long as rules hide tweets and older ones exist.

        One tweet more than the page has room for says that a page follows. Each round asks for as
        many ids as are wanted if rules hide as many as before, and after `MOST_IDS` the page ends
        as it is.
        """
        shown: list[EncodedTweet] = []
        newer_after = max(since, empty_page_after(before))
        wanted, read = limit + 1, 0
        while True:
            skeleton = above(await skeletons.below(before, wanted), since)
            tweets = await self._hydration.hydrate(skeleton)
            view = await seen_by(tweets, skeleton.view)
            shown += await once.of(apply_rules(self._rules, tweets, view))
            is_whole = len(shown) > limit or skeleton.run.ended
            if not is_whole:
                before = skeleton.run.ids[-1]
                read += len(skeleton.run.ids)
            if is_whole or read >= MOST_IDS:
                resume = None if is_whole else before
                page = cut_page(
                    shown, limit, resume, behind=newer_after, mark=skeletons.mark, words=view.words
                )
                return once.told(page)
            missing = limit + 1 - len(shown)
            likely = missing * (1 + read // max(1, len(shown)))
            wanted = min(likely, 2 * wanted, ROUND_IDS)

    async def _read_newer(  # noqa: PLR0913, PLR0917 - all that reads differ in
        self,
        skeletons: Skeletons,
        once: Once,
        seen_by: Sees,
        after: int,
        limit: int,
        since: int,
    ) -> Page:
        """Take the four steps upwards, from `after` or `since`, in rounds as `_read` does."""
        view: View

        async def below(before: int | None, count: int) -> tuple[Sequence[int], bool]:
            nonlocal view
            skeleton = await skeletons.below(before, count)
            view = skeleton.view
            return skeleton.run.ids, skeleton.run.ended

        async def show(ids: Sequence[int]) -> Sequence[EncodedTweet]:
            nonlocal view
            tweets = await self._hydration.hydrate(Skeleton(IdRun(ids, ended=False), view))
            view = await seen_by(tweets, view)
            return await once.of(apply_rules(self._rules, tweets, view))

        found = await newer_page(
            below,
            show,
            max(after, since),
            limit,
            id_of=_ENTRY_ID,
            fitting=lambda tweets: fitting(tweets[::-1]),
            most_hidden=MOST_IDS,
            end=since,
        )
        page = Page(
            found.items,
            found.next_before,
            found.previous_after,
            mark=skeletons.mark,
            words=view.words,
        )
        return once.told(page)

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
