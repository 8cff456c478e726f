"""The oracle: whatever happens, once the queues drain, timelines are what tweets and graph say."""

import itertools
import os
import secrets
import signal
from contextlib import suppress
from functools import partial

import pytest
import redis
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.graph.events import GraphEvents
from services.graph.spec import GRAPH_EVENTS
from services.tweet.events import TweetEvents
from services.tweet.spec import TWEET_EVENTS
from tests.e2e.acting import eventually, halt
from tests.e2e.conftest import BIGTABLE_PUBSUB, SQLITE_VALKEY, Mesh
from tests.e2e.operators import FanoutOperator
from tests.e2e.oracle_acting import WORDS
from tests.e2e.oracle_hiding import Hiding
from tests.e2e.oracle_protecting import Protecting
from tests.e2e.patient_client import OUTAGE_S
from tests.e2e.redelivery import Redelivery, redelivery
from tests.e2e.timeline_model import Posted

EXAMPLES_VARIABLE = "AVIARY_ORACLE_EXAMPLES"
SEED_VARIABLE = "AVIARY_ORACLE_SEED"
SEEDS = 2**32
EXAMPLES = {SQLITE_VALKEY.name: 20, BIGTABLE_PUBSUB.name: 10}  # one there takes five times as long
STEPS = 40
FIRST_PEOPLE = 4  # enough for three followers, one more than is pushed to
MAX_PEOPLE = 6
DEFAULT_THRESHOLD = 0  # followers; stands for what the system was started with
MAX_THRESHOLD = 4  # pushes nearly all; an author has five followers at most
FANOUT = "fanout"
KILLED = ("tweet", FANOUT, "graph", "timeline", "engagement")
MAX_KILLS = 1  # of one life: each costs seconds, and more if they come thick and fast
MAX_PLACE = (1 << 16) - 1
# What failed in an outage is tried again after up to 30 s more.
SETTLE_S = 120.0


class Life(Hiding, Protecting, RuleBasedStateMachine):
    """One life of a few people, alone in a running system that others have used before."""

    people = Bundle("people")
    tweets = Bundle("tweets")

    def __init__(
        self, mesh: Mesh, cache: redis.Redis, again: Redelivery, fanout: FanoutOperator
    ) -> None:
        super().__init__(mesh, cache, again, fanout)
        self.kills = 0
        self.halted: int | None = None

    @initialize(target=people)
    def first_people(self) -> MultipleResults[int]:
        return multiple(*(self._somebody() for _ in range(FIRST_PEOPLE)))

    @precondition(lambda self: len(self.everybody) < MAX_PEOPLE)
    @rule(target=people)
    def one_more(self) -> int:
        return self._somebody()

    @rule(target=tweets, author=people, count=st.integers(1, 4))
    def post(self, author: int, count: int) -> MultipleResults[Posted]:
        return multiple(*(self._post(author) for _ in range(count)))

    @rule(target=tweets, author=people, to=tweets)
    def reply(self, author: int, to: Posted) -> MultipleResults[Posted]:
        if self.model.sees(author, to.tweet_id):
            reply = self._post(author, in_reply_to_tweet_id=to.tweet_id)
            self.model.answered[reply.tweet_id] = to.author
            return multiple(reply)
        body = {"user_id": author, "in_reply_to_tweet_id": to.tweet_id, "text": "to nobody"}
        answer, _ = self.client.post("/v1/tweets", body)
        assert answer.status_code == 404, answer.text
        return multiple()

    @rule(target=tweets, author=people, of=tweets)
    def quote(self, author: int, of: Posted) -> MultipleResults[Posted]:
        if not self.model.sees(author, of.tweet_id):
            body = {"user_id": author, "quote_tweet_id": of.tweet_id, "text": "of nobody"}
            answer, _ = self.client.post("/v1/tweets", body)
            assert answer.status_code == 404, answer.text
            return multiple()
        quote = self._post(author, quote_tweet_id=of.tweet_id)
        self.model.quoted[quote.tweet_id] = of.tweet_id
        return multiple(quote)

    @rule(one=people, tweet=tweets, retweeting=st.booleans())
    def retweet(self, one: int, tweet: Posted, *, retweeting: bool) -> None:
        self._retweet(one, tweet, retweeting=retweeting)

    @rule(tweet=tweets, again=st.booleans())
    def everybody_retweets(self, tweet: Posted, *, again: bool) -> None:
        """Perhaps each of them takes that back, and does it once more."""
        for one in self.everybody:
            for retweeting in (True, False, True) if again else (True,):
                self._retweet(one, tweet, retweeting=retweeting)

    @rule(tweet=tweets)
    def post_the_same_again(self, tweet: Posted) -> None:
        answer, _ = self.client.post("/v1/tweets", tweet.body)
        assert answer.status_code == 201, answer.text
        assert int(answer.json()["tweet_id"]) == tweet.tweet_id

    @rule(tweet=tweets)
    def delete(self, tweet: Posted) -> None:
        path, query = f"/v1/tweets/{tweet.tweet_id}", {"user_id": tweet.author}
        answer, tries = self.client.decided(lambda: self.mesh.rest.delete(path, params=query))
        if tweet.tweet_id not in self.model.tweets:
            assert answer.status_code == 404, answer.text
            return
        # A first try of which nothing was heard may have deleted it.
        assert answer.status_code == 200 or tries > 1, answer.text
        del self.model.tweets[tweet.tweet_id]
        self.events.append((TWEET_EVENTS, TweetEvents().deleted(tweet.tweet_id, tweet.author)))

    @rule(follower=people, followee=people, following=st.booleans())
    def relate(self, follower: int, followee: int, *, following: bool) -> None:
        self._relate(follower, followee, following=following)

    @rule(follower=people, wanted=st.lists(people, min_size=1, max_size=3))
    def follow_many(self, follower: int, wanted: list[int]) -> None:
        followees = sorted(set(wanted) - {follower})
        if not followees:
            return
        answer, _ = self.client.post(
            "/v1/follows", {"follower_id": follower, "followee_ids": followees}
        )
        if any(self.model.are_apart(follower, followee) for followee in followees):
            assert answer.status_code == 403, answer.text
            return
        assert answer.status_code == 200, answer.text
        made = [one for one in followees if not self.model.follow(follower, one)]
        if made:
            event = GraphEvents().follows_added(follower, made)
            self.events.append((GRAPH_EVENTS, event))

    @rule(one=people, word=st.sampled_from(WORDS), muting=st.booleans())
    def mute_a_word(self, one: int, word: str, *, muting: bool) -> None:
        path = "/v1/muted-words" if muting else "/v1/muted-words/remove"
        answer, _ = self.client.post(path, {"user_id": one, "word": word})
        assert answer.status_code == 200, answer.text
        muted = self.model.muted_words
        (muted.add if muting else muted.discard)((one, word))

    @rule(target=tweets, author=people, following=st.booleans())
    def cross_the_threshold(self, author: int, *, following: bool) -> MultipleResults[Posted]:
        """Post, then be followed, or left, by everybody, and post again."""
        before = self._post(author)
        for follower in self.everybody:
            self._relate(follower, author, following=following)
        return multiple(before, self._post(author))

    @precondition(lambda self: self.halted is None)
    @rule(followers=st.integers(DEFAULT_THRESHOLD, MAX_THRESHOLD))
    def move_the_threshold(self, followers: int) -> None:
        self.fanout.set_threshold(followers)

    @rule(kind=st.sampled_from(["home", "user"]), person=people, limit=st.integers(1, 50))
    def read(self, kind: str, person: int, limit: int) -> None:
        """What holds at any time, however far behind the queues are."""
        entries, reader = self.client.entries(kind, person, limit), person if kind == "home" else 0
        places, ids = [place for place, _ in entries], {tweet for _, tweet in entries}
        assert all(newer > older for newer, older in itertools.pairwise(places)), "newest first"
        assert self.ever_posted.issuperset(ids), "only what was posted"
        own = {tweet for tweet in self.model.own(person) if self.model.sees(reader, tweet)}
        assert ids.issuperset(own), "one's own tweets at once"
        self._is_nothing_hidden(reader, ids, home=kind == "home")

    @rule(person=people)
    def flush_cache(self, person: int) -> None:
        """The first read fills the list that the second one reads."""
        self.cache.flushall()
        for _ in range(2):
            self.read("home", person, 50)

    @precondition(lambda self: self.halted is None)
    @rule(target=tweets, author=people)
    def stop_the_fanout(self, author: int) -> Posted:
        """It stands still, with work in hand, until it goes on; its queues grow."""
        eventually(lambda: FANOUT in self.mesh.children(), expected=True, within_s=OUTAGE_S)
        self.halted = halt(self.mesh, FANOUT)
        return self._post(author)

    @precondition(lambda self: self.halted is not None)
    @rule()
    def let_the_fanout_go_on(self) -> None:
        if self.halted is not None:
            # Dead, if it was killed meanwhile.
            with suppress(ProcessLookupError):
                os.kill(self.halted, signal.SIGCONT)
            self.halted = None

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        """An event comes again, however old."""
        # How many there are depends on when they were seen, and what is drawn may not.
        place = data.draw(st.integers(0, MAX_PLACE))
        self.again.publish(*self.events[place % len(self.events)])

    @precondition(lambda self: self.kills < MAX_KILLS)
    @rule(target=tweets, service=st.sampled_from(KILLED), author=people)
    def kill(self, service: str, author: int) -> MultipleResults[Posted]:
        """Kill a service that has work in hand; it comes back by itself."""
        self.kills += 1
        before = self._post(author)
        # It may still be dead from the life before this one.
        eventually(lambda: service in self.mesh.children(), expected=True, within_s=OUTAGE_S)
        os.kill(self.mesh.children()[service], signal.SIGKILL)
        return multiple(before, self._post(author))

    @rule()
    def settle(self) -> None:
        """Everybody sees what the model says, however it is paged."""
        self.let_the_fanout_go_on()
        for person, limit in itertools.product(self.everybody, (3, 50, 1)):
            for kind in ("home", "user"):
                eventually(partial(self._difference, kind, person, limit), None, SETTLE_S)
        for reader, person in itertools.product(self.everybody, repeat=2):
            eventually(partial(self._difference, "user", person, 50, reader), None, SETTLE_S)
            self.list_requests(person)

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.let_the_fanout_go_on()
            self.fanout.set_threshold(DEFAULT_THRESHOLD)
            self.leave()


@pytest.mark.timeout(0)
def test_timelines_are_what_tweets_and_graph_say(mesh: Mesh) -> None:
    examples = os.environ.get(EXAMPLES_VARIABLE)
    chosen = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(SEEDS))
    if examples:
        print(f"{SEED_VARIABLE}={chosen}")  # noqa: T201
    fanout = FanoutOperator(mesh)

    def life() -> Life:
        return Life(mesh, cache, again, fanout)

    with mesh.valkey("cache") as cache, redelivery(mesh) as again:
        run_state_machine_as_test(
            seed(chosen)(life) if examples else life,
            settings=settings(
                max_examples=int(examples or EXAMPLES[mesh.engine.name]),
                stateful_step_count=STEPS,
                # The same lives each time, unless somebody asks for many.
                derandomize=not examples,
                database=None,
                deadline=None,
                # Time passes here: a shorter life may be another one. Report the life that failed.
                phases=[Phase.generate],
                verbosity=Verbosity.debug,
                suppress_health_check=list(HealthCheck),
            ),
        )
