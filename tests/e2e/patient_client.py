"""A REST client that goes on through outages, until it knows what became of each call."""

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

OUTAGE_S = 60.0  # a killed service is back long before
POLL_S = 0.1
UNDECIDED = {502, 503, 504}  # the call may have had its effect, or not


class PatientClient:
    def __init__(self, rest: httpx.Client) -> None:
        self._rest = rest

    def timeline(self, kind: str, person: int, limit: int) -> list[int]:
        """Read the tweets of a whole home or user timeline."""
        return [tweet for _, tweet in self.entries(kind, person, limit)]

    def entries(self, kind: str, person: int, limit: int) -> list[tuple[int, int]]:
        """Read all pages, each full as long as older tweets exist: (place, tweet), by ids."""
        pages = self._pages(kind, person, limit)
        return [entry for page in pages for entry in map(_entry, page["tweets"])]

    def there_and_back(self, kind: str, person: int, limit: int) -> tuple[list[int], list[int]]:
        """Read all pages to the end, and up again: (tweets of all, of those on the way back).

        The way back ends with the tweets of the last page, from which it went.
        """
        pages = self._pages(kind, person, limit)
        there = [tweet for page in pages for _, tweet in map(_entry, page["tweets"])]
        back = [tweet for _, tweet in map(_entry, pages[-1]["tweets"])]
        page = pages[-1]
        while True:
            page = self._page(kind, person, limit, page["previous_cursor"])
            if not page["tweets"]:
                return there, back
            back = [*(tweet for _, tweet in map(_entry, page["tweets"])), *back]

    def _pages(self, kind: str, person: int, limit: int) -> list[dict[str, Any]]:
        pages = [self._page(kind, person, limit)]
        while "next_cursor" in pages[-1]:
            shown = len(pages[-1]["tweets"])
            assert shown == limit, "a page is full as long as older tweets exist"
            pages.append(self._page(kind, person, limit, pages[-1]["next_cursor"]))
        return pages

    def _page(self, kind: str, person: int, limit: int, cursor: str = "") -> dict[str, Any]:
        query: dict[str, str | int] = {"user_id": person, "limit": limit, "cursor": cursor}
        answer, _ = self.decided(lambda: self._rest.get(f"/v1/timeline/{kind}", params=query))
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    def post(self, path: str, body: dict[str, object]) -> tuple[httpx.Response, int]:
        """Post the body as JSON; the answer, and how many tries it took."""
        return self.decided(lambda: self._rest.post(path, json=body))

    def decided(self, call: Callable[[], httpx.Response]) -> tuple[httpx.Response, int]:
        """Repeat the call until its outcome is known; the answer, and how many tries it took."""
        deadline = time.monotonic() + OUTAGE_S
        for tries in itertools.count(1):
            with suppress(httpx.TransportError):
                answer = call()
                if answer.status_code not in UNDECIDED:
                    return answer, tries
            assert time.monotonic() < deadline, "the system does not come back"
            time.sleep(POLL_S)
        raise AssertionError


def _entry(tweet: dict[str, Any]) -> tuple[int, int]:
    """(place, tweet)."""
    place = tweet.get("retweeted_by", {}).get("retweet_id", tweet["tweet_id"])
    return int(place), int(tweet["tweet_id"])
