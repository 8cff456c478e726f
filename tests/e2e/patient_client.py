"""A REST client that goes on through outages, until it knows what became of each call."""

import itertools
import time
from collections.abc import Callable
from contextlib import suppress

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
        found: list[tuple[int, int]] = []
        query: dict[str, str | int] = {"user_id": person, "limit": limit}
        while True:
            answer, _ = self.decided(lambda: self._rest.get(f"/v1/timeline/{kind}", params=query))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            for tweet in page["tweets"]:
                place = tweet.get("retweeted_by", {}).get("retweet_id", tweet["tweet_id"])
                found.append((int(place), int(tweet["tweet_id"])))
            if "next_cursor" not in page:
                return found
            assert len(page["tweets"]) == limit, "a page is full as long as older tweets exist"
            query["cursor"] = page["next_cursor"]

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
