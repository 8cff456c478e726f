"""What home timelines must be, from the graph and what was posted."""

import heapq
from collections.abc import Iterable, Mapping

from services.cli.load.model import FollowGraph


class Homes:
    """`users` is node to user id, `tweets` are pairs of tweet and author's user id."""

    def __init__(
        self, graph: FollowGraph, users: Mapping[int, int], tweets: Iterable[tuple[int, int]]
    ) -> None:
        self._graph = graph
        self._users = users
        self.by_author: dict[int, list[int]] = {user: [] for user in users.values()}
        for tweet, author in sorted(tweets, reverse=True):
            self.by_author[author].append(tweet)

    def of(self, node: int) -> list[int]:
        shown = [node, *self._graph.following[node]]
        lists = [self.by_author[self._users[one]] for one in shown]
        return list(heapq.merge(*lists, reverse=True))

    def authors_above(self, threshold: int) -> set[int]:
        """Nodes with more followers than `threshold` who tweeted."""
        followers = self._graph.follower_counts()
        return {
            node
            for node, count in followers.items()
            if count > threshold and self.by_author[self._users[node]]
        }
