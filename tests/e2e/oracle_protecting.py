"""Moves of the oracle about who may see what: protected accounts, and tweets for few."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from tests.e2e.oracle_acting import Acting
from tests.e2e.timeline_model import Posted

__all__ = ["Protecting"]

people = Bundle("people")
tweets = Bundle("tweets")


class Protecting(Acting):
    """The rules of a machine that has `people` and `tweets`."""

    @rule(target=tweets, author=people)
    def post_to_followers(self, author: int) -> Posted:
        return self._post(author, visibility="followers")

    @rule(target=tweets, author=people, named=st.sets(people, max_size=3))
    def post_to_those_mentioned(self, author: int, named: set[int]) -> Posted:
        return self._post(author, *sorted(named), visibility="mentioned")

    @rule(one=people, protected=st.booleans())
    def protect(self, one: int, *, protected: bool) -> None:
        """Who opens an account approves all who ask to follow."""
        said = {"protected": protected}
        answer, _ = self.client.decided(lambda: self.mesh.rest.patch(f"/v1/users/{one}", json=said))
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"].get("protected", False) == protected
        if protected:
            self.model.protected.add(one)
            return
        for follower in self.model.open(one):
            self._heard(follower, one, following=True)

    @rule(one=people, asking=people)
    def approve(self, one: int, asking: int) -> None:
        self._approve(one, asking)

    @rule(one=people)
    def approve_all(self, one: int) -> None:
        for asking in self._asking(one):
            self._approve(one, asking)

    @rule(one=people, asking=people)
    def deny(self, one: int, asking: int) -> None:
        if one == asking:
            return
        body = {"user_id": one, "requester_id": asking}
        answer, _ = self.client.post("/v1/follow-requests/deny", body)
        assert answer.status_code == 200, answer.text
        self.model.requests.discard((asking, one))

    @rule(one=people, other=people, protected=st.booleans())
    def ask_everybody(self, one: int, other: int, *, protected: bool) -> None:
        """Whom somebody protected had asked for, before or after they were approved."""
        self.protect(one, protected=True)
        for asking in self.everybody:
            self._relate(asking, one, following=True)
        self.approve(one, other)
        self.protect(one, protected=protected)

    @rule(reader=people, author=people, limit=st.integers(1, 50))
    def read_as(self, reader: int, author: int, limit: int) -> None:
        """At any time: all own tweets that the reader may see, and nothing else."""
        ids = set(self.readers[reader].timeline("user", author, limit))
        own = {tweet for tweet in self.model.own(author) if self.model.sees(reader, tweet)}
        assert ids.issuperset(own), "what one may see at once"
        self._is_nothing_hidden(reader, ids)

    @rule(one=people)
    def list_requests(self, one: int) -> None:
        assert self._asking(one) == self._should_ask(one)

    def _approve(self, one: int, asking: int) -> None:
        if one == asking:
            return
        body = {"user_id": one, "requester_id": asking}
        answer, _ = self.client.post("/v1/follow-requests/approve", body)
        if self.model.are_apart(one, asking):
            assert answer.status_code == 403, answer.text
            return
        pair = (asking, one)
        if pair not in self.model.requests | self.model.follows:
            assert answer.status_code == 404, answer.text
            return
        assert answer.status_code == 200, answer.text
        self.model.requests.discard(pair)
        self.model.follows.add(pair)
        self._heard(asking, one, following=True)

    def _asking(self, one: int) -> list[int]:
        query = {"user_id": one}
        answer, _ = self.client.decided(
            lambda: self.mesh.rest.get("/v1/follow-requests", params=query)
        )
        assert answer.status_code == 200, answer.text
        return [int(each["user_id"]) for each in answer.json()["users"]]

    def _should_ask(self, one: int) -> list[int]:
        return sorted(asking for asking, asked in self.model.requests if asked == one)

    def _is_nothing_hidden(self, reader: int, ids: set[int], *, home: bool = False) -> None:
        """Whatever the queues do, but for what is deleted.

        Whether an author is protected whom the reader does not follow, and somebody retweeted, a
        home is told a moment later.
        """
        model = self.model
        hidden = {each for each in ids & model.tweets.keys() if not model.sees(reader, each)}
        if home:
            hidden = {each for each in hidden if model.tweets[each] not in model.protected}
        assert not hidden, f"{reader} is shown {hidden}"
