"""What commands print with `--json`: one shape each."""

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from aviary.engagement.v1 import engagement_service_pb2 as engagement_pb
from aviary.event.v1 import event_pb2
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.media.v1 import media_service_pb2 as media_pb
from aviary.queue.v1 import queue_pb2 as pb
from aviary.queue.v1.queue_service_pb2 import ReadDeadLettersResponse

from services.cli.main import main
from services.cli.operate import documents
from services.cli.operate.events import KINDS
from services.cli.operate.run_media import show_as_json, show_as_table
from services.cli.operate.showing import show_content, show_counts
from services.platform.specs import all_topics

TWEET = event_pb2.TweetEvent(created=event_pb2.TweetCreated(tweet_id=7, user_id=8))
LETTER = pb.DeadLetter(id="1-0", reason="bad\x1b[2J")
CONTENT = ReadDeadLettersResponse(
    dead_letter=LETTER,
    attributes={"traceparent": "00-1"},
    data=TWEET.SerializeToString(),
    data_size=len(TWEET.SerializeToString()),
)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def test_queues(capsys: pytest.CaptureFixture[str]) -> None:
    counted = pb.Queue(subscription="tweet.erasure", messages=1_200, dead_letters=3, paused=True)
    documents.queues([counted, pb.Queue(subscription="fanout.plan")])
    assert printed(capsys) == {
        "queues": [
            {"subscription": "tweet.erasure", "waiting": 1_200, "dead_letters": 3, "paused": True},
            {
                "subscription": "fanout.plan",
                "waiting": None,
                "dead_letters": None,
                "paused": None,
            },
        ]
    }


COUNTED = engagement_pb.TweetCounts(
    tweet_id=7, like_count=1_200, retweet_count=3, bookmark_count=1, reply_count=0, quote_count=2
)
DRIFT = engagement_pb.CountDrift(
    tweet_id=7, kind=engagement_pb.ENGAGEMENT_KIND_LIKE, counted=1_201, exact=1_200
)


def test_counts(capsys: pytest.CaptureFixture[str]) -> None:
    documents.counts([COUNTED], [DRIFT])
    counts = {"like": 1_200, "retweet": 3, "bookmark": 1, "reply": 0, "quote": 2}
    assert printed(capsys) == {
        "counts": [{"tweet_id": "7", **counts}],
        "drifts": [{"tweet_id": "7", "kind": "like", "counted": 1_201, "exact": 1_200}],
    }


def test_counts_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    show_counts([COUNTED], [DRIFT])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["tweet", "7:", "the", "like", "count", "was", "1,201,", "and", "is", "1,200", "now"],
        ["tweet", "likes", "retweets", "bookmarks", "replies", "quotes"],
        ["7", "1,200", "3", "1", "0", "2"],
    ]


def test_dead_letters(capsys: pytest.CaptureFixture[str]) -> None:
    field = pb.UnreadableField(name=b"\xff", value=b"\x00")
    documents.letters([("fanout.plan", pb.DeadLetter(id="1-0", reason="bad", fields=[field]))])
    assert printed(capsys) == {
        "dead_letters": [
            {
                "subscription": "fanout.plan",
                "id": "1-0",
                "reason": "bad",
                "unreadable": [{"name": "/w==", "value": "AA=="}],
            }
        ]
    }


def test_one_dead_letter(capsys: pytest.CaptureFixture[str]) -> None:
    documents.content("fanout.plan", CONTENT)
    assert printed(capsys) == {
        "subscription": "fanout.plan",
        "id": "1-0",
        "reason": "bad\x1b[2J",
        "unreadable": [],
        "attributes": {"traceparent": "00-1"},
        "data": "CgQIBxAI",
        "data_size": 6,
        "says": "created { tweet_id: 7 user_id: 8 }",
    }
    show_content("fanout.plan", CONTENT)
    shown = capsys.readouterr().out
    assert "created { tweet_id: 7 user_id: 8 }" in shown
    assert "\x1b" not in shown


def test_what_is_not_what_its_topic_has_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    documents.content("fanout.plan", ReadDeadLettersResponse(data=b"\xff"))
    assert printed(capsys)["says"] is None


def test_every_topic_is_read_for_people() -> None:
    assert set(KINDS) == set(all_topics())


def test_pauses_and_the_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    documents.pauses([pb.Pause(subscription="fanout.plan", paused=True)])
    assert printed(capsys) == {"pauses": [{"subscription": "fanout.plan", "paused": True}]}
    documents.threshold(
        fanout_pb.Controls(celebrity_threshold=5, default_celebrity_threshold=500_000)
    )
    assert printed(capsys) == {
        "celebrity_threshold": 5,
        "default_celebrity_threshold": 500_000,
    }


def test_quarantined_media(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        media_pb.QuarantinedMedia(media_id=7, user_id=8, reason="clamd: Eicar", tweet_id=9),
        media_pb.QuarantinedMedia(media_id=10, user_id=8, reason="hash list: x"),
    ]
    show_as_json(found)
    first, second = printed(capsys)["media"]
    assert first == {
        "media_id": "7",
        "user_id": "8",
        "tweet_id": "9",
        "quarantined_at": "1970-01-01T00:00:00Z",
        "reason": "clamd: Eicar",
    }
    assert second["tweet_id"] is None
    show_as_table(found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["picture", "user", "tweet", "since", "found"]
    assert lines[2].split()[:3] == ["10", "8", "none"]


def leaves(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, *path, name)


def test_each_command_that_lists_prints_json_too() -> None:
    listing = {
        path
        for path, command in leaves(main)
        if (command.help or "").startswith(("List ", "Show "))
        or path in {("pause",), ("resume",), ("audit", "verify"), ("mix",)}
    }
    assert {("queues",), ("dead-letters",), ("apps",), ("app-key", "list")} <= listing
    with_json = {
        path
        for path, command in leaves(main)
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert listing == with_json


def test_no_help_shows_how_its_lines_are_kept() -> None:
    for path, command in leaves(main):
        shown = command.get_help(click.Context(command, info_name=path[-1]))
        assert "\b" not in shown, path
        assert "\\b" not in shown, path
