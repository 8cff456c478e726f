"""A tweet with everything that there can be about one, on a running system."""

import itertools
import os
from dataclasses import dataclass

from services.local.operator_file import fetch_token, read_operator
from tests.e2e.acting import follow, post
from tests.e2e.conftest import Mesh
from tests.e2e.every_read import Scene, comes_to_be_found_by
from tests.e2e.test_engagement import done
from tests.e2e.test_lists import make
from tests.e2e.test_media import uploaded
from tests.pictures import picture

__all__ = ["SHOWN_BY", "Staged", "stage"]

FRESH_TRENDS_S = 40.0  # trends are kept for 15 s, here and in the page's own cache
SHOWN_BY = frozenset(
    {
        "aviary.engagement.v1.EngagementService/ListBookmarks",
        "aviary.engagement.v1.EngagementService/ListLikes",
        "aviary.list.v1.ListService/GetListTimeline",
        "aviary.media.v1.MediaService/GetMedia",
        "aviary.notification.v1.NotificationService/ListNotifications",
        "aviary.search.v1.SearchService/ListTrends",
        "aviary.search.v1.SearchService/SearchTweets",
        "aviary.timeline.v1.TimelineService/GetHomeTimeline",
        "aviary.timeline.v1.TimelineService/GetUserTimeline",
        "aviary.tweet.v1.TweetService/GetConversation",
        "aviary.tweet.v1.TweetService/GetTweet",
        "aviary.tweet.v1.TweetService/GetTweets",
        "aviary.user.v1.UserService/GetMe",
        "aviary.user.v1.UserService/GetUser",
        "aviary.user.v1.UserService/GetUserByHandle",
        "aviary.user.v1.UserService/GetUsers",
        "aviary.user.v1.UserService/SearchUsers",
    }
)
"""The reads that show a tweet, or what is its own, while it is there."""
_words = itertools.count()


@dataclass(frozen=True, slots=True)
class Staged:
    """The scene, who looks at it, and where its pictures are."""

    scene: Scene
    tokens: dict[int, str]
    """Of each viewer, as the header has it."""
    urls: tuple[str, ...]


def stage(mesh: Mesh, url: str = "", followers: int = 0) -> Staged:
    """Make a tweet with everything, and wait until all that show it do.

    With `url` in its text; more `followers` make its author a celebrity.
    """
    number = f"{os.getpid():x}q{next(_words)}"
    word, trend = f"zz{number}", f"yy{number}"
    handles = {_user(mesh, f"{name}{number}"): f"{name}{number}" for name in "afos"}
    author, fan, other, stranger = handles
    for one, another in ((fan, author), (fan, other), (other, author), (other, fan)):
        follow(mesh, one, another)
    for each in range(followers):
        follow(mesh, _user(mesh, f"x{each}{number}"), author)
    media_id = uploaded(mesh, author, picture("JPEG"), alt_text=f"alt {word}")["media_id"]
    answered = post(mesh, other, "what do you say?")
    tweet = post(
        mesh,
        author,
        f"{word} #{trend} @{handles[fan]} {url}",
        in_reply_to_tweet_id=answered,
        media_ids=[media_id],
    )
    # Three people make a trend, and two do not.
    for one in (other, stranger):
        post(mesh, one, f"about #{trend}")
    for verb in ("like", "bookmark", "retweet"):
        done(mesh, verb, fan, tweet)
    done(mesh, "pin", author, tweet)
    reply = post(mesh, fan, "so do I", in_reply_to_tweet_id=tweet)
    quote = post(mesh, other, "look", quote_tweet_id=tweet)
    list_id = make(mesh, stranger, author)
    scene = Scene(
        word=word,
        trend=trend,
        author=author,
        fan=fan,
        other=other,
        stranger=stranger,
        handles=handles,
        answered=answered,
        tweet=tweet,
        reply=reply,
        quote=quote,
        media=int(media_id),
        list_id=list_id,
    )
    operator = read_operator(mesh.data_dir)
    tokens = {
        each: f"Bearer {fetch_token(operator, handle=handle)}" for each, handle in handles.items()
    }
    comes_to_be_found_by(mesh, scene, tokens, SHOWN_BY, FRESH_TRENDS_S)
    query = {"user_id": author}
    shown = mesh.rest.get(f"/v1/media/{media_id}", params=query).json()["media"]["variants"]
    return Staged(scene, tokens, tuple(each["url"] for each in shown))


def _user(mesh: Mesh, handle: str) -> int:
    body = {"handle": handle, "display_name": handle}
    answer = mesh.rest.post("/v1/users", json=body)
    assert answer.is_success, answer.text
    return int(answer.json()["user"]["user_id"])
