"""What a client needs to draw a page: counts, one's own likes, authors and quoted tweets."""

import os
import signal
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.e2e.acting import eventually, follow, post, stopped, user
from tests.e2e.conftest import Mesh
from tests.e2e.test_engagement import done
from tests.e2e.test_graph import done as related
from tests.e2e.test_identity import bearer, command, sign_up

COUNTS = ("like_count", "retweet_count", "reply_count", "quote_count")
NO_COUNTS = dict.fromkeys(COUNTS, 0)
NOTHING = {"liked": False, "retweeted": False, "bookmarked": False}
ALL = "author_id,in_reply_to_tweet_id,quote_tweet_id"


def read(mesh: Mesh, path: str, **query: object) -> Any:
    answer = mesh.rest.get(f"/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def home(mesh: Mesh, viewer: int, **query: object) -> Any:
    return read(mesh, "timeline/home", user_id=viewer, **query)


def of(page: Any, tweet_id: int) -> Any:
    """The tweet, on a page that has it."""
    (found,) = [one for one in page["tweets"] if one["tweet_id"] == str(tweet_id)]
    return found


def shown_by(client: httpx.Client, path: str, tweet_id: int, **query: object) -> Any:
    """The tweet, as another than the operator is shown it."""
    answer = client.get(f"/v1/{path}", params=query or None)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return page["tweet"] if "tweet" in page else of(page, tweet_id)


def counts(tweet: Any) -> dict[str, int]:
    return {name: tweet[name] for name in COUNTS if name in tweet}


def ids(objects: Iterable[Any], name: str) -> list[int]:
    return [int(one[name]) for one in objects]


def viewed(get: Callable[[], Any]) -> Any:
    """What a tweet says of its viewer: on a busy machine nothing, but never what is not so."""
    said: list[Any] = []

    def left_out() -> bool:
        said.append(get().get("viewer"))
        return said[-1] is None

    eventually(left_out, expected=False)
    return said[-1]


@pytest.fixture
def pair(mesh: Mesh) -> tuple[int, int]:
    """Ada, and Bob who follows her."""
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    return ada, bob


def test_what_a_viewer_did_shows_at_once_everywhere(mesh: Mesh, pair: tuple[int, int]) -> None:
    ada, bob = pair
    tweet = post(mesh, ada)
    eventually(lambda: ids(home(mesh, bob)["tweets"], "tweet_id"), [tweet])
    expected = dict(NOTHING)

    def at_home() -> Any:
        return of(home(mesh, bob), tweet)

    assert viewed(at_home) == expected
    for verb, name in (("like", "liked"), ("retweet", "retweeted"), ("bookmark", "bookmarked")):
        for undo in ("", "un"):
            done(mesh, undo + verb, bob, tweet)
            expected[name] = not undo
            assert viewed(at_home) == expected
        done(mesh, verb, bob, tweet)
        expected[name] = True
    for path in ("timeline/home", f"users/{bob}/likes", "bookmarks"):
        query = {} if "users" in path else {"user_id": bob}
        shown = viewed(partial(shown_by, mesh.rest, path, tweet, **query))
        assert shown == dict.fromkeys(NOTHING, True)
        assert ids(read(mesh, path, **query)["includes"]["users"], "user_id") == [ada]
    assert viewed(lambda: of(home(mesh, ada), tweet)) == NOTHING


def test_counts_follow_what_is_done(mesh: Mesh, pair: tuple[int, int]) -> None:
    ada, bob = pair
    tweet = post(mesh, ada)
    assert counts(read(mesh, f"tweets/{tweet}")["tweet"]) == NO_COUNTS
    done(mesh, "like", bob, tweet)
    done(mesh, "retweet", ada, tweet)
    post(mesh, bob, in_reply_to_tweet_id=tweet)
    post(mesh, bob, quote_tweet_id=tweet)
    expected = dict.fromkeys(COUNTS, 1)

    def shown() -> list[dict[str, int]]:
        return [
            counts(read(mesh, f"tweets/{tweet}")["tweet"]),
            counts(of(read(mesh, "tweets", ids=tweet), tweet)),
            counts(of(home(mesh, bob), tweet)),
            counts(of(read(mesh, "timeline/user", user_id=ada), tweet)),
        ]

    eventually(shown, [expected] * 4)
    done(mesh, "unlike", bob, tweet)
    eventually(shown, [expected | {"like_count": 0}] * 4)


def test_found_tweets_are_drawn(mesh: Mesh, pair: tuple[int, int]) -> None:
    ada, bob = pair
    word = f"zebra{ada}"
    tweet = post(mesh, ada, word)
    done(mesh, "like", bob, tweet)

    def found() -> Any:
        page = read(mesh, "search", user_id=bob, query=word)
        return [(one.get("like_count"), one.get("viewer")) for one in page["tweets"]]

    eventually(found, [(1, NOTHING | {"liked": True})])
    page = read(mesh, "search", user_id=bob, query=word)
    assert ids(page["includes"]["users"], "user_id") == [ada]


def test_authors_are_included_once_and_as_they_are_now(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    for author in (ada, bob):
        follow(mesh, cyd, author)
    tweets = [post(mesh, author) for author in (ada, bob, ada)]
    eventually(lambda: ids(home(mesh, cyd)["tweets"], "tweet_id"), tweets[::-1])
    included = home(mesh, cyd)["includes"]
    for author, shown in zip((ada, bob), included["users"], strict=True):
        assert shown.items() <= read(mesh, f"users/{author}")["user"].items()
    assert included["tweets"] == []
    answer = mesh.rest.patch(f"/v1/users/{ada}", json={"display_name": "Countess"})
    assert answer.status_code == 200

    def name() -> str:
        shown: str = home(mesh, cyd)["includes"]["users"][0]["display_name"]
        return shown

    eventually(name, "Countess")


def test_expansions_say_what_is_included(mesh: Mesh, pair: tuple[int, int]) -> None:
    ada, bob = pair
    cyd = user(mesh)
    answered, quoted = post(mesh, cyd), post(mesh, cyd)
    tweet = post(mesh, ada, in_reply_to_tweet_id=answered, quote_tweet_id=quoted)
    for path, query in (
        (f"tweets/{tweet}", {}),
        ("tweets", {"ids": tweet}),
        ("timeline/user", {"user_id": ada}),
    ):
        included = read(mesh, path, expansions=ALL, **query)["includes"]
        assert ids(included["users"], "user_id") == [ada, cyd]
        assert ids(included["tweets"], "tweet_id") == [answered, quoted]
        assert counts(included["tweets"][0]).keys() == NO_COUNTS.keys()
        for wrong in ("author", "author_id" + ",author_id" * 4, "author_id,"):
            refused = mesh.rest.get(f"/v1/{path}", params={**query, "expansions": wrong})
            assert refused.status_code == 400, refused.text
            assert refused.json()["details"][0]["metadata"]["field"] == "expansions"
    assert read(mesh, f"tweets/{tweet}", expansions="quote_tweet_id")["includes"]["users"] == []
    assert "includes" not in read(mesh, f"tweets/{quoted}", expansions="quote_tweet_id")

    # A reply shows to who follows both sides.
    follow(mesh, bob, cyd)
    eventually(lambda: ids(home(mesh, bob)["tweets"], "tweet_id"), [tweet, quoted, answered])
    page = home(mesh, bob, expansions=ALL)
    assert ids(page["includes"]["tweets"], "tweet_id") == [answered, quoted]
    assert page["includes"]["tweets"][1]["viewer"] == NOTHING
    # What is deleted is not included, nor whom the reader does not see.
    assert mesh.rest.delete(f"/v1/tweets/{quoted}", params={"user_id": cyd}).is_success

    def shown() -> list[int]:
        included = home(mesh, bob, expansions=ALL).get("includes", {"tweets": []})
        return ids(included["tweets"], "tweet_id")

    eventually(shown, [answered])
    related(mesh, "block", blocker_id=cyd, blocked_id=bob)
    assert shown() == []


def test_who_is_mentioned_is_included_when_asked_for(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    handle = read(mesh, f"users/{bob}")["user"]["handle"]
    tweet = post(mesh, ada, f"hi @{handle.upper()}, @{handle} and @nobody_at_all")
    included = read(mesh, f"tweets/{tweet}", expansions="entities.mentions")["includes"]
    assert ids(included["users"], "user_id") == [bob]
    included = read(mesh, "timeline/user", user_id=ada, expansions="author_id,entities.mentions")
    assert ids(included["includes"]["users"], "user_id") == [ada, bob]


def test_the_viewer_is_whose_token_is_shown(mesh: Mesh) -> None:
    handle, ada = sign_up(mesh)
    tweet = post(mesh, ada)
    token = command(mesh, "token", "--user", handle).strip()
    done(mesh, "like", ada, tweet)
    reads: list[tuple[str, dict[str, int]]] = [
        (f"tweets/{tweet}", {}),
        ("tweets", {"ids": tweet}),
        ("timeline/user", {"user_id": ada}),
    ]
    with httpx.Client(base_url=mesh.rest.base_url, headers=bearer(token)) as own:
        for path, query in reads:
            assert viewed(partial(shown_by, own, path, tweet, **query)) == (
                NOTHING | {"liked": True}
            )
        # An app that speaks for itself has done nothing with any tweet.
        for path, query in reads:
            page = read(mesh, path, **query)
            assert "viewer" not in (page["tweet"] if "tweet" in page else of(page, tweet))
        eventually(lambda: counts(read(mesh, f"tweets/{tweet}")["tweet"])["like_count"], 1)
        kept = own.get(f"/v1/tweets/{tweet}")
        unchanged = {"if-none-match": kept.headers["etag"]}
        assert own.get(f"/v1/tweets/{tweet}", headers=unchanged).status_code == 304
        done(mesh, "bookmark", ada, tweet)
        assert own.get(f"/v1/tweets/{tweet}", headers=unchanged).status_code == 200


def test_an_app_sees_what_its_user_lets_it_see(mesh: Mesh) -> None:
    handle, ada = sign_up(mesh)
    tweet = post(mesh, ada, f"zebra{ada}")
    for verb in ("like", "retweet", "bookmark"):
        done(mesh, verb, ada, tweet)
    found = f"search?query=zebra{ada}&user_id={ada}"
    eventually(lambda: ids(mesh.rest.get(f"/v1/{found}").json()["tweets"], "tweet_id"), [tweet])
    reads = [f"tweets/{tweet}", f"tweets?ids={tweet}", f"timeline/user?user_id={ada}", found]
    for scope, expected, path in (
        ("tweets:read", {"retweeted": True}, "timeline/home"),
        ("likes:read", {"retweeted": True, "liked": True}, f"users/{ada}/likes"),
        ("bookmarks:read", {"retweeted": True, "bookmarked": True}, "bookmarks"),
    ):
        scopes = f"tweets:read timeline:read {scope}"
        token = command(mesh, "token", "--user", handle, "--scope", scopes).strip()
        with httpx.Client(base_url=mesh.rest.base_url, headers=bearer(token)) as own:
            for each in (*reads, "timeline/home", path):
                assert viewed(partial(shown_by, own, each, tweet)) == expected, each


def test_pages_come_without_the_engagement_service(mesh: Mesh, pair: tuple[int, int]) -> None:
    ada, bob = pair
    known = post(mesh, ada)
    eventually(lambda: ids(home(mesh, bob)["tweets"], "tweet_id"), [known])
    with stopped(mesh, "engagement"):
        tweet = post(mesh, ada)
        eventually(lambda: ids(home(mesh, bob)["tweets"], "tweet_id"), [tweet, known])
        shown = of(home(mesh, bob), tweet)
        assert (counts(shown), shown["text"]) == ({}, "hi")
        assert counts(read(mesh, f"tweets/{tweet}")["tweet"]) == {}
        assert ids(home(mesh, bob)["includes"]["users"], "user_id") == [ada]
        os.kill(mesh.children()["engagement"], signal.SIGKILL)
        assert of(home(mesh, bob), tweet)["text"] == "hi"
    eventually(lambda: counts(of(home(mesh, bob), tweet)), NO_COUNTS)
    eventually(lambda: of(home(mesh, bob), tweet).get("viewer"), NOTHING)
