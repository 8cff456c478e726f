"""Retweets, quotes and answers in timelines, as clients of the edge see them."""

from typing import Any

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as pb_grpc

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh

WAIT_S = 10.0


def send(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> None:
    answer = mesh.rest.post(f"/v1/{verb}", json={"user_id": user_id, "tweet_id": tweet_id})
    assert answer.status_code == 200, answer.text


def delete(mesh: Mesh, author: int, tweet_id: int) -> None:
    answer = mesh.rest.delete(f"/v1/tweets/{tweet_id}", params={"user_id": author})
    assert answer.status_code == 200, answer.text


def apart(mesh: Mesh, verb: str, one: int, other: int) -> None:
    names = {"block": ("blocker_id", "blocked_id"), "mute": ("muter_id", "muted_id")}
    first, second = names[verb.removeprefix("un")]
    answer = mesh.rest.post(f"/v1/{verb}", json={first: one, second: other})
    assert answer.status_code == 200, answer.text


def page(mesh: Mesh, kind: str, user_id: int, **query: object) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"user_id": user_id, **query}
    answer = mesh.rest.get(f"/v1/timeline/{kind}", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["tweets"])


def told(mesh: Mesh, kind: str, user_id: int) -> list[tuple[int, list[int]]]:
    """Tweets of a timeline, each with who retweeted it."""
    return [
        (
            int(tweet["tweet_id"]),
            [int(each) for each in tweet.get("retweeted_by", {}).get("user_ids", ())],
        )
        for tweet in page(mesh, kind, user_id)
    ]


def rebuild_home(mesh: Mesh, user_id: int) -> None:
    with mesh.sync_channel("timeline") as channel:
        pb_grpc.TimelineServiceStub(channel).RebuildHomeTimeline(
            pb.RebuildHomeTimelineRequest(user_id=user_id), timeout=WAIT_S
        )


def test_a_retweet_brings_a_tweet_to_followers_once(mesh: Mesh) -> None:
    """Three friends retweet it: the third is a celebrity, whose retweets nobody pushes."""
    ada, reader, *friends = (user(mesh) for _ in range(5))
    stranger = user(mesh)
    for friend in friends:
        follow(mesh, reader, friend)
    for one in (ada, stranger):
        follow(mesh, one, friends[2])
    older, tweet, other = post(mesh, ada), post(mesh, ada), post(mesh, friends[0])
    for friend in friends:
        send(mesh, "retweet", friend, tweet)
        eventually(lambda: told(mesh, "home", reader)[0][1][:1], [friend])
        assert [each for each, _ in told(mesh, "home", reader)] == [tweet, other]
    assert told(mesh, "home", reader) == [(tweet, friends[::-1]), (other, [])]
    for limit in (1, 2, 50):
        assert home(mesh, reader, limit) == [tweet, other], "once, however it is paged"
    assert told(mesh, "user", friends[0]) == [(tweet, [friends[0]]), (other, [])]
    assert home(mesh, ada) == [tweet, older], "one's own tweet stands at its own place"
    rebuild_home(mesh, reader)
    for _ in range(2):
        assert told(mesh, "home", reader) == [(tweet, friends[::-1]), (other, [])], "built anew"
    for gone in range(2, -1, -1):
        send(mesh, "unretweet", friends[gone], tweet)
        left = friends[:gone][::-1]
        expected = [(tweet, left), (other, [])] if left else [(other, [])]
        eventually(lambda: told(mesh, "home", reader), expected)


def test_a_followed_author_keeps_the_place(mesh: Mesh) -> None:
    ada, bob, reader = (user(mesh) for _ in range(3))
    for author in (ada, bob):
        follow(mesh, reader, author)
    tweet, newer = post(mesh, ada), post(mesh, bob)
    send(mesh, "retweet", bob, tweet)
    eventually(lambda: told(mesh, "user", bob), [(tweet, [bob]), (newer, [])])
    eventually(lambda: told(mesh, "home", reader), [(newer, []), (tweet, [])])
    follow(mesh, reader, ada, "unfollow")
    eventually(lambda: told(mesh, "home", reader), [(tweet, [bob]), (newer, [])])
    apart(mesh, "mute", reader, ada)
    eventually(lambda: told(mesh, "home", reader), [(newer, [])])
    apart(mesh, "unmute", reader, ada)
    eventually(lambda: told(mesh, "home", reader), [(tweet, [bob]), (newer, [])])
    apart(mesh, "block", ada, reader)
    eventually(lambda: told(mesh, "home", reader), [(newer, [])])
    apart(mesh, "unblock", ada, reader)
    follow(mesh, reader, bob, "unfollow")
    eventually(lambda: told(mesh, "home", reader), [])
    follow(mesh, reader, bob)
    eventually(lambda: told(mesh, "home", reader), [(tweet, [bob]), (newer, [])])
    delete(mesh, ada, tweet)
    for kind, whose in (("home", reader), ("user", bob)):
        eventually(lambda: told(mesh, kind, whose), [(newer, [])])  # noqa: B023 - called here


def test_a_retweet_is_no_tweet_of_its_own(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    send(mesh, "retweet", bob, tweet)
    eventually(lambda: told(mesh, "home", bob), [(tweet, [bob])])
    (shown,) = page(mesh, "home", bob)
    retweet = int(shown["retweeted_by"]["retweet_id"])
    assert retweet > tweet
    assert page(mesh, "home", bob, since_id=tweet) == [shown], "it is newer than the tweet"
    assert page(mesh, "home", bob, since_id=retweet) == []
    assert mesh.rest.get(f"/v1/tweets/{retweet}").status_code == 404
    assert "retweeted_by" not in mesh.rest.get(f"/v1/tweets/{tweet}").json()["tweet"]
    for verb in ("like", "retweet"):
        answer = mesh.rest.post(f"/v1/{verb}", json={"user_id": bob, "tweet_id": retweet})
        assert answer.status_code == 404, answer.text
    answer = mesh.rest.delete(f"/v1/tweets/{retweet}", params={"user_id": bob})
    assert answer.status_code == 404, answer.text


def test_a_deleted_user_retweets_nothing_any_more(mesh: Mesh) -> None:
    ada, bob, reader = (user(mesh) for _ in range(3))
    follow(mesh, reader, bob)
    tweet = post(mesh, ada)
    send(mesh, "retweet", bob, tweet)
    eventually(lambda: told(mesh, "home", reader), [(tweet, [bob])])
    assert mesh.rest.delete(f"/v1/users/{bob}").status_code == 200
    eventually(lambda: told(mesh, "home", reader), [])


def test_answers_show_to_those_who_follow_both_sides(mesh: Mesh) -> None:
    ada, bob, reader, both = (user(mesh) for _ in range(4))
    for follower, followee in ((reader, ada), (both, ada), (both, bob)):
        follow(mesh, follower, followee)
    tweet = post(mesh, bob)
    answer = post(mesh, ada, in_reply_to_tweet_id=tweet)
    thread = post(mesh, ada, in_reply_to_tweet_id=answer)
    quote = post(mesh, ada, quote_tweet_id=tweet)
    eventually(lambda: home(mesh, reader), [quote, thread])
    eventually(lambda: home(mesh, both), [quote, thread, answer, tweet])
    assert home(mesh, ada) == [quote, thread, answer], "one's own"
    assert [one for one, _ in told(mesh, "user", ada)] == [quote, thread, answer]
    (shown,) = (each for each in page(mesh, "user", ada) if each["tweet_id"] == str(answer))
    assert shown["in_reply_to_user_id"] == str(bob)
    follow(mesh, both, bob, "unfollow")
    eventually(lambda: home(mesh, both), [quote, thread])
    follow(mesh, reader, bob)
    for limit in (1, 3, 50):
        eventually(lambda: home(mesh, reader, limit), [quote, thread, answer, tweet])  # noqa: B023
    delete(mesh, bob, tweet)
    eventually(lambda: home(mesh, reader), [quote, thread, answer])


def test_a_retweeted_answer_shows(mesh: Mesh) -> None:
    """Who retweets it means it, whatever it answers."""
    ada, bob, reader = (user(mesh) for _ in range(3))
    for author in (ada, bob):
        follow(mesh, reader, author)
    answer = post(mesh, ada, in_reply_to_tweet_id=post(mesh, user(mesh)))
    newer = post(mesh, bob)
    eventually(lambda: told(mesh, "home", reader), [(newer, [])])
    send(mesh, "retweet", bob, answer)
    eventually(lambda: told(mesh, "home", reader), [(answer, [bob]), (newer, [])])


def test_a_quote_is_a_tweet_of_who_quotes(mesh: Mesh) -> None:
    """It stays when what it quotes is deleted, or is of somebody blocked, and says which it was."""
    ada, bob, reader = (user(mesh) for _ in range(3))
    follow(mesh, reader, ada)
    tweet = post(mesh, bob)
    quote = post(mesh, ada, quote_tweet_id=tweet)
    eventually(lambda: home(mesh, reader), [quote])
    apart(mesh, "block", bob, reader)
    delete(mesh, bob, tweet)
    for _ in range(2):
        (shown,) = page(mesh, "home", reader)
        assert (shown["tweet_id"], shown["quote_tweet_id"]) == (str(quote), str(tweet))
    answer = mesh.rest.post(
        "/v1/tweets", json={"user_id": ada, "text": "hi", "quote_tweet_id": tweet}
    )
    assert answer.status_code == 404, answer.text
    send(mesh, "retweet", reader, quote)
    delete(mesh, ada, quote)
    eventually(lambda: home(mesh, reader), [])
