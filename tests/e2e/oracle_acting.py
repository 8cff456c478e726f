"""What people of the oracle do to a running system, and what they should see of it."""

import itertools
import time
from contextlib import ExitStack

import httpx
import redis

from services.engagement.events import EngagementEvents
from services.engagement.model import Change, Edge, Kind
from services.engagement.spec import ENGAGEMENT_EVENTS
from services.fanout.jobs import FanoutJob, encode_fanout_job
from services.fanout.spec import FANOUT_CLOSE, FANOUT_REST
from services.graph.events import GraphEvents
from services.graph.spec import GRAPH_EVENTS
from services.local.operator_file import OperatorError, fetch_token, read_operator
from services.tweet.events import TweetEvents
from services.tweet.model import Retweet
from services.tweet.spec import TWEET_EVENTS
from tests.e2e.acting import user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import FanoutOperator
from tests.e2e.patient_client import OUTAGE_S, PatientClient
from tests.e2e.redelivery import Redelivery
from tests.e2e.timeline_model import NOBODY, Model, Posted
from tests.tweet_messages import created

__all__ = ["WORDS", "Acting"]

WORDS = ("red", "green", "blue")
"""Each tweet says one."""

_request_ids = (f"oracle-{number}" for number in itertools.count())


class Acting:
    """A few people, and all that the bus was told about them."""

    def __init__(
        self, mesh: Mesh, cache: redis.Redis, again: Redelivery, fanout: FanoutOperator
    ) -> None:
        super().__init__()
        self.mesh, self.cache, self.again, self.fanout = mesh, cache, again, fanout
        self.client = PatientClient(mesh.rest)
        self.model = Model()
        self.everybody: list[int] = []
        self.handles: dict[int, str] = {}
        self.readers = {NOBODY: self.client}
        """By who reads: what shows them a user's timeline as they see it."""
        self.signed_in = ExitStack()
        self.ever_posted: set[int] = set()
        self.events: list[tuple[str, bytes]] = []
        self.places: dict[tuple[int, int], int] = {}

    def _difference(self, kind: str, person: int, limit: int, reader: int = NOBODY) -> object:
        """What is shown and what should be; None where that is the same.

        A retweet's place is its own id, which is made when it reaches its user's timeline.
        """
        shown = (self.model.brought_before(each) for each in self.readers)
        expected: object = set[tuple[int, int]]().union(*shown)
        if self.places.keys() == expected:
            got: object = self.readers[reader].there_and_back(kind, person, limit)
            timeline = (
                self.model.home(person, self.places)
                if kind == "home"
                else self.model.user(person, self.places, reader)
            )
            expected = (timeline, timeline)
            if got == expected:
                return None
        else:
            got = set(self.places)
        self.places = self._places()
        return got, expected

    def _places(self) -> dict[tuple[int, int], int]:
        """Read where retweets stand, as nobody in particular, and as who sees more of them."""
        public = self.model.brought_before(NOBODY)
        looks = {(NOBODY, one) for one in self.everybody}
        for reader in self.everybody:
            looks |= {(reader, one) for one, _ in self.model.brought_before(reader) - public}
        found = {
            (one, tweet): place
            for reader, one in looks
            for place, tweet in self.readers[reader].entries("user", one, 50)
            if place != tweet
        }
        for (one, tweet), place in found.items():
            made = Retweet(place, one, tweet, self.model.tweets.get(tweet, 0))
            self.events.append((TWEET_EVENTS, TweetEvents().retweeted(made)))
        return found

    def _retweet(self, one: int, tweet: Posted, *, retweeting: bool) -> None:
        body = {"user_id": one, "tweet_id": tweet.tweet_id}
        answer, _ = self.client.post("/v1/retweet" if retweeting else "/v1/unretweet", body)
        pair = (one, tweet.tweet_id)
        if retweeting and not self.model.sees(*pair):
            assert answer.status_code == 404, answer.text
            return
        if retweeting and not self.model.is_for_everybody(tweet.tweet_id):
            assert answer.status_code == 403, answer.text
            return
        assert answer.status_code == 200, answer.text
        (self.model.retweets.add if retweeting else self.model.retweets.discard)(pair)
        edge = Edge(Kind.RETWEET, *pair)
        change = Change(edge, standing=retweeting, at_ms=time.time_ns() // 1_000_000)
        event = EngagementEvents().changed(change)
        self.events.append((ENGAGEMENT_EVENTS, event))

    def _somebody(self) -> int:
        made = user(self.mesh)
        shown, _ = self.client.decided(lambda: self.mesh.rest.get(f"/v1/users/{made}"))
        self.handles[made] = shown.json()["user"]["handle"]
        signed = {"authorization": f"Bearer {self._token(self.handles[made])}"}
        rest = httpx.Client(base_url=self.mesh.rest.base_url, headers=signed, timeout=10)
        self.readers[made] = PatientClient(self.signed_in.enter_context(rest))
        self.everybody.append(made)
        return made

    def _token(self, handle: str) -> str:
        operator, deadline = read_operator(self.mesh.data_dir), time.monotonic() + OUTAGE_S
        while True:
            try:
                return fetch_token(operator, handle=handle)
            except OperatorError:
                assert time.monotonic() < deadline, "the system does not come back"

    def leave(self) -> None:
        self.signed_in.close()

    def _post(self, author: int, *named: int, **fields: object) -> Posted:
        request_id = next(_request_ids)
        word = WORDS[len(self.ever_posted) % len(WORDS)]
        mentions = "".join(f" @{self.handles[one]}" for one in named)
        text = f"{request_id} {word}{mentions}"
        body = {"user_id": author, "text": text, "request_id": request_id, **fields}
        answer, _ = self.client.post("/v1/tweets", body)
        assert answer.status_code == 201, answer.text
        tweet_id = int(answer.json()["tweet_id"])
        assert tweet_id not in self.ever_posted
        self.ever_posted.add(tweet_id)
        self.model.tweets[tweet_id] = author
        self.model.words[tweet_id] = word
        audience = {one for one, followee in self.model.follows if followee == author}
        alone: tuple[int, ...] | None = None
        match fields.get("visibility"):
            case "followers":
                self.model.for_followers.add(tweet_id)
            case "mentioned":
                self.model.for_mentioned[tweet_id] = frozenset(named)
                alone = tuple(sorted(named))
                audience &= set(named)
        page = encode_fanout_job(FanoutJob(tweet_id, tuple(audience)))
        self.events += [
            (TWEET_EVENTS, created(tweet_id, author, alone)),
            (FANOUT_CLOSE, page),
            (FANOUT_REST, page),
        ]
        return Posted(tweet_id, author, body)

    def _relate(self, follower: int, followee: int, *, following: bool) -> None:
        if follower == followee:
            return
        body = {"follower_id": follower, "followee_id": followee}
        answer, _ = self.client.post("/v1/follow" if following else "/v1/unfollow", body)
        if following and self.model.are_apart(follower, followee):
            assert answer.status_code == 403, answer.text
            return
        assert answer.status_code == 200, answer.text
        if following:
            pending = self.model.follow(follower, followee)
            assert answer.json().get("pending", False) == pending, answer.text
        else:
            self.model.unfollow(follower, followee)
        self._heard(follower, followee, following=following)

    def _heard(self, follower: int, followee: int, *, following: bool) -> None:
        """Note what the bus was told of a follow, or of one that was only asked for."""
        asks = (follower, followee) in self.model.requests
        event = (
            GraphEvents().relations_changed([follower])
            if asks
            else GraphEvents().follow_changed(follower, followee, following=following)
        )
        self.events.append((GRAPH_EVENTS, event))
