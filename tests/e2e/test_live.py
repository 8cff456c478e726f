"""Streams of home timelines, as clients of the edge see them."""

import os
import signal
import socket

import pytest

from services.platform.ids.snowflake_time import time_ms
from tests.e2e.acting import (
    eventually,
    follow,
    home,
    home_or_none,
    is_replaced,
    kill,
    post,
    user,
)
from tests.e2e.conftest import Mesh, becomes_whole
from tests.e2e.live_stream import ask, streaming

BEAT_WITHIN_S = 25
COMFORTABLY_S = 10.0
"""On a machine that is busy with other tests; else it takes some tenths of a second."""


def act(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> None:
    answer = mesh.rest.post(f"/v1/{verb}", json={"user_id": user_id, "tweet_id": tweet_id})
    assert answer.status_code == 200, answer.text


def delete(mesh: Mesh, author: int, tweet_id: int) -> None:
    answer = mesh.rest.delete(f"/v1/tweets/{tweet_id}", params={"user_id": author})
    assert answer.is_success, answer.text


def befriended(mesh: Mesh) -> tuple[int, int]:
    """(Who reads, whom they follow), with a tweet in the timeline."""
    reader, author = user(mesh), user(mesh)
    follow(mesh, reader, author)
    tweet = post(mesh, author)
    eventually(lambda: home_or_none(mesh, reader), [tweet])
    return reader, author


def test_what_changes_is_told_as_it_does(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    with streaming(mesh, reader) as stream:
        assert stream.retries
        tweet = post(mesh, author, "news")
        stream.until(lambda each: each.tweets() == [tweet])
        (told,) = stream.of("tweet")
        assert told.at_s * 1_000 - time_ms(tweet) < COMFORTABLY_S * 1_000
        page = mesh.rest.get("/v1/timeline/home", params={"user_id": reader, "limit": 1}).json()
        assert told.data == {"tweet": page["tweets"][0], "includes": page["includes"]}
        own = post(mesh, reader, "mine")
        stream.until(lambda each: each.tweets() == [tweet, own])
        act(mesh, "like", reader, tweet)
        stream.until(lambda each: each.of("counts"))
        assert stream.of("counts")[-1].data == {
            "tweet_id": str(tweet),
            "like_count": 1,
            "retweet_count": 0,
            "reply_count": 0,
            "quote_count": 0,
        }
        delete(mesh, author, tweet)
        stream.until(lambda each: each.of("delete"))
        assert stream.of("delete")[0].data == {"tweet_id": str(tweet)}


def test_what_is_for_others_is_not_told(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    with streaming(mesh, reader) as stream:
        post(mesh, author, "@somebody", visibility="mentioned")
        fans = post(mesh, author, "for those who follow", visibility="followers")
        stream.until(lambda each: each.tweets())
        assert stream.tweets() == [fans]


def test_what_was_on_the_page_is_told_of_too(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    (old,) = home(mesh, reader)
    with streaming(mesh, reader) as stream:
        act(mesh, "like", reader, old)
        stream.until(lambda each: each.of("counts"))
        delete(mesh, author, old)
        stream.until(lambda each: [one.tweet_id for one in each.of("delete")] == [old])


def test_a_tweet_that_is_not_pushed_is_told_all_the_same(mesh: Mesh) -> None:
    reader, author = user(mesh), user(mesh)
    for one in (reader, user(mesh), user(mesh)):
        follow(mesh, one, author)  # more than AVIARY_CELEBRITY_THRESHOLD
    bystander = user(mesh)
    with streaming(mesh, reader) as stream, streaming(mesh, bystander) as other:
        tweet = post(mesh, author)
        stream.until(lambda each: each.tweets() == [tweet])
        mine = post(mesh, bystander)
        other.until(lambda each: each.tweets() == [mine])


def test_a_stream_goes_on_by_its_cursor_over_a_death_without_gap_or_double(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    told = list[int]()
    with streaming(mesh, reader) as stream:
        tweets = [post(mesh, author, "first")]
        stream.until(lambda each: each.tweets())
        told += stream.tweets()
        killed = kill(mesh, "live")
        stream.until(lambda each: each.ended)
    tweets += [post(mesh, author, f"while it is down {number}") for number in range(3)]
    delete(mesh, author, tweets[0])
    eventually(lambda: is_replaced(mesh, "live", killed), expected=True)
    assert becomes_whole(mesh)
    cursor = stream.cursor
    with streaming(mesh, reader, cursor) as stream:
        stream.until(lambda each: len(each.tweets()) == 3)
        stream.until(lambda each: [one.tweet_id for one in each.of("delete")] == [tweets[0]])
        tweets.append(post(mesh, author, "last"))
        stream.until(lambda each: len(each.tweets()) == 4)
        told += stream.tweets()
    assert told == tweets
    # Each event is a place to go on from: behind the second of these comes the third.
    second = stream.of("tweet")[1].cursor
    with streaming(mesh, reader, second) as stream:
        stream.until(lambda each: each.tweets() == tweets[3:])


def test_from_what_was_read_on(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    (seen,) = home(mesh, reader)
    tweets = [post(mesh, author, f"{number}") for number in range(2)]
    eventually(lambda: len(home_or_none(mesh, reader) or ()), 3)
    with streaming(mesh, reader, since_id=seen) as stream:
        stream.until(lambda each: each.tweets() == tweets)


def test_a_stream_lives_and_says_so(mesh: Mesh) -> None:
    with streaming(mesh, user(mesh)) as stream:
        before = len(stream.comments)
        stream.until(lambda each: len(each.comments) > before, BEAT_WITHIN_S)
        assert not stream.told


@pytest.mark.parametrize("cursor", ["x", "AAAA", "A" * 60])
def test_a_bad_cursor_is_refused(mesh: Mesh, cursor: str) -> None:
    answer = mesh.rest.get("/v1/stream/home", **ask(user(mesh), cursor))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    answer = mesh.rest.get("/v1/stream/home", **ask(user(mesh), cursor=_cursor_of_another(mesh)))
    assert answer.status_code == 400, answer.text


def test_a_gap_is_said_where_more_has_come_than_is_streamed(mesh: Mesh) -> None:
    reader, author = befriended(mesh)
    with streaming(mesh, reader) as stream:
        pass
    for number in range(201):
        post(mesh, author, f"{number}")
    eventually(lambda: len(home(mesh, reader, 200)), 202)
    with streaming(mesh, reader, stream.cursor) as stream:
        stream.until(lambda each: each.of("reset"))
        tweet = post(mesh, author, "and on")
        stream.until(lambda each: each.tweets() == [tweet])


def test_no_user_has_any_number_of_streams(mesh: Mesh) -> None:
    reader = user(mesh)
    held = [socket.create_connection(("127.0.0.1", mesh.rest.base_url.port)) for _ in range(10)]
    try:
        for connection in held:
            connection.sendall(_raw_request(mesh, reader))
            assert b" 200 " in connection.recv(1_024)
        answer = mesh.rest.get("/v1/stream/home", **ask(reader))
        assert answer.status_code == 429, answer.text
        assert "TOO_MANY_STREAMS" in answer.text
    finally:
        for connection in held:
            connection.close()
    eventually(lambda: _opens(mesh, reader), expected=True)


def test_at_its_end_a_process_says_when_to_come_back(mesh: Mesh) -> None:
    with streaming(mesh, user(mesh)) as stream:
        ending = mesh.replicas()["live"]
        for process_id in ending:
            os.kill(process_id, signal.SIGTERM)
        stream.until(lambda each: each.ended)
        assert len(stream.retries) == 2
        assert stream.comments[-1] == "goodbye"
    eventually(lambda: is_replaced(mesh, "live", ending), expected=True)
    assert becomes_whole(mesh)


def _cursor_of_another(mesh: Mesh) -> str:
    with streaming(mesh, user(mesh)) as stream:
        return stream.cursor


def _opens(mesh: Mesh, reader: int) -> bool:
    with mesh.rest.stream("GET", "/v1/stream/home", **ask(reader)) as answer:
        return answer.status_code == 200


def _raw_request(mesh: Mesh, reader: int) -> bytes:
    token = mesh.rest.headers["authorization"]
    return (
        f"GET /v1/stream/home?user_id={reader} HTTP/1.1\r\nhost: aviary\r\n"
        f"authorization: {token}\r\naccept: text/event-stream\r\n\r\n"
    ).encode()
