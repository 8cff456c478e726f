"""What people of the oracle do to a running system, and what they should see of it."""

import itertools

import redis

from services.engagement.events import EngagementEvents
from services.engagement.model import Edge, Kind
from services.engagement.spec import ENGAGEMENT_EVENTS
from services.fanout.jobs import FanoutJob, encode_fanout_job
from services.fanout.spec import FANOUT_CLOSE, FANOUT_REST
from services.graph.events import GraphEvents
from services.graph.spec import GRAPH_EVENTS
from services.tweet.events import TweetEvents
from services.tweet.model import Retweet
from services.tweet.spec import TWEET_EVENTS
from tests.e2e.acting import user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import FanoutOperator
from tests.e2e.patient_client import PatientClient
from tests.e2e.redelivery import Redelivery
from tests.e2e.timeline_model import Model, Posted

__all__ = ["Acting"]

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
        self.ever_posted: set[int] = set()
        self.events: list[tuple[str, bytes]] = []
        self.places: dict[tuple[int, int], int] = {}

    def _difference(self, kind: str, person: int, limit: int) -> object:
        """What is shown and what should be; None where that is the same.

        A retweet's place is its own id, which is made when it reaches its user's timeline.
        """
        expected: object = self.model.brought()
        if self.places.keys() == expected:
            said = self.model.home if kind == "home" else self.model.user
            got: object = self.client.timeline(kind, person, limit)
            expected = said(person, self.places)
            if got == expected:
                return None
        else:
            got = set(self.places)
        self.places = self._places()
        return got, expected

    def _places(self) -> dict[tuple[int, int], int]:
        found = {
            (one, tweet): place
            for one in self.everybody
            for place, tweet in self.client.entries("user", one, 50)
            if place != tweet
        }
        for (one, tweet), place in found.items():
            made = Retweet(place, one, tweet, self.model.tweets.get(tweet, 0))
            self.events.append((TWEET_EVENTS, TweetEvents().retweeted(made)))
        return found

    def _retweet(self, one: int, tweet: Posted, *, retweeting: bool) -> None:
        body = {"user_id": one, "tweet_id": tweet.tweet_id}
        answer, _ = self.client.post("/v1/retweet" if retweeting else "/v1/unretweet", body)
        if retweeting and tweet.tweet_id not in self.model.tweets:
            assert answer.status_code == 404, answer.text
            return
        assert answer.status_code == 200, answer.text
        pair = (one, tweet.tweet_id)
        (self.model.retweets.add if retweeting else self.model.retweets.discard)(pair)
        edge = Edge(Kind.RETWEET, *pair)
        event = EngagementEvents().changed(edge, standing=retweeting)
        self.events.append((ENGAGEMENT_EVENTS, event))

    def _somebody(self) -> int:
        self.everybody.append(user(self.mesh))
        return self.everybody[-1]

    def _post(self, author: int, **fields: object) -> Posted:
        request_id = next(_request_ids)
        body = {"user_id": author, "text": request_id, "request_id": request_id, **fields}
        answer, _ = self.client.post("/v1/tweets", body)
        assert answer.status_code == 201, answer.text
        tweet_id = int(answer.json()["tweet_id"])
        assert tweet_id not in self.ever_posted
        self.ever_posted.add(tweet_id)
        self.model.tweets[tweet_id] = author
        audience = tuple(one for one, followee in self.model.follows if followee == author)
        page = encode_fanout_job(FanoutJob(tweet_id, audience))
        self.events += [
            (TWEET_EVENTS, TweetEvents().created(tweet_id, author)),
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
        (self.model.follows.add if following else self.model.follows.discard)((follower, followee))
        event = GraphEvents().follow_changed(follower, followee, following=following)
        self.events.append((GRAPH_EVENTS, event))
