"""A follow graph and texts of our own making, for those who have no files at hand."""

import random
from itertools import accumulate

from services.cli.load.errors import LoadError
from services.cli.load.model import FollowGraph, Post
from services.tweet.text import MAX_WEIGHTED_LENGTH, weighted_length

__all__ = ["draw_posts", "generate_graph", "generate_texts"]

# Exponent of the power law of follower counts. Kwak et al., "What is Twitter, a social network or
# a news media?", WWW 2010, fit 2.276 to Twitter's.
EXPONENT = 2.276
MAX_SENTENCES = 8
# Shares of sentences that end with a tag, a picture character or a link.
TAG_SHARE, EMOJI_SHARE, LINK_SHARE = 0.25, 0.2, 0.1

_WHO = (
    "my neighbour", "the night train", "our cat", "a heron", "the new librarian", "everybody here",
    "die Nachbarin", "le facteur", "the tide", "somebody upstairs", "the bakery", "an old friend",
)  # fmt: skip
_DOES = (
    "found", "missed", "is painting", "keeps asking about", "just finished", "forgot", "has fixed",
    "photographed", "will not stop humming about", "is late because of", "traded", "recommends",
)  # fmt: skip
_WHAT = (
    "the lighthouse", "a bowl of ramen", "ラーメン", "three umbrellas", "the last ferry", "snow",
    "a very long sentence", "the crossword", "une vieille carte", "wild garlic", "the same song",
    "a bicycle bell", "the first snow", "половину пирога", "that one sock", "the long way home",
)  # fmt: skip
_TAGS = ("#morning", "#birds", "#trains", "#nofilter", "#今日", "#weekend", "#smallthings")
_EMOJI = ("🐦", "☕", "🌧️", "👩‍🚀", "🎉", "🇮🇸", "👍🏽")


def generate_graph(users: int, follows_per_user: int, rng: random.Random) -> FollowGraph:
    """Draw a graph in which followers are many for few: their counts follow a power law.

    Each user follows `follows_per_user` others, drawn without doubles in proportion to weights
    `rank ** (-1 / (exponent - 1))`: the model of expected degrees of Chung and Lu, "Connected
    components in random graphs with given expected degree sequences", Annals of Combinatorics 6,
    2002, for the followers' end of a directed graph. Raises `LoadError` when a user would have to
    follow more than half of the others: drawing would take long, and nobody does.
    """
    if not 1 <= follows_per_user <= (users - 1) // 2:
        raise LoadError(
            f"{users} users cannot follow {follows_per_user} each; at most half of the others"
        )
    # Ranks are dealt at random, so that a node's number says nothing of its followers.
    by_rank = rng.sample(range(users), users)
    power = -1 / (EXPONENT - 1)
    cumulated = list(accumulate((rank + 1) ** power for rank in range(users)))
    follows: list[tuple[int, int]] = []
    for follower in range(users):
        chosen: dict[int, None] = {}
        while len(chosen) < follows_per_user:
            (followee,) = rng.choices(by_rank, cum_weights=cumulated)
            if followee != follower:
                chosen[followee] = None
        follows += [(follower, followee) for followee in chosen]
    return FollowGraph.of(range(users), follows)


def generate_texts(count: int, rng: random.Random) -> tuple[str, ...]:
    """Make texts of 1 to 8 sentences that are tweets: at most 280 weighted characters."""
    return tuple(_text(rng) for _ in range(count))


def draw_posts(graph: FollowGraph, texts: tuple[str, ...], rng: random.Random) -> tuple[Post, ...]:
    """Give each text an author, drawn in proportion to one more than follows and followers.

    One more, so that somebody whom nobody follows may speak too.
    """
    followers = graph.follower_counts()
    nodes = list(graph.following)
    weights = [1 + followers[node] + len(graph.following[node]) for node in nodes]
    authors = rng.choices(nodes, weights, k=len(texts))
    return tuple(Post(author, text) for author, text in zip(authors, texts, strict=True))


def _text(rng: random.Random) -> str:
    text = _sentence(rng)
    for _ in range(rng.randrange(MAX_SENTENCES)):
        longer = f"{text} {_sentence(rng)}"
        if weighted_length(longer) > MAX_WEIGHTED_LENGTH:
            break
        text = longer
    return text


def _sentence(rng: random.Random) -> str:
    words = [rng.choice(_WHO), rng.choice(_DOES), rng.choice(_WHAT)]
    sentence = " ".join(words).capitalize() + rng.choice((".", "!", "...", "?"))
    if rng.random() < LINK_SHARE:
        sentence += f" https://example.com/{rng.randrange(10**6)}"
    if rng.random() < TAG_SHARE:
        sentence += f" {rng.choice(_TAGS)}"
    if rng.random() < EMOJI_SHARE:
        sentence += f" {rng.choice(_EMOJI)}"
    return sentence
