"""What commands print with `--json`: one shape each, which only grows."""

from base64 import b64encode
from collections.abc import Iterable

from aviary.engagement.v1 import engagement_service_pb2 as engagement_pb
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.queue.v1 import queue_pb2 as pb
from aviary.queue.v1.queue_service_pb2 import ReadDeadLettersResponse
from aviary.search.v1 import search_service_pb2 as search_pb

from services.cli.operate.events import said
from services.cli.options import echo_json

__all__ = [
    "content",
    "counts",
    "indexes",
    "kind_of",
    "letters",
    "pauses",
    "queues",
    "threshold",
]


def queues(found: Iterable[pb.Queue]) -> None:
    """`{"queues": [{"subscription", "waiting", "dead_letters", "paused"}]}`; null is unknown."""
    echo_json(
        {
            "queues": [
                {
                    "subscription": each.subscription,
                    "waiting": each.messages if each.HasField("messages") else None,
                    "dead_letters": each.dead_letters if each.HasField("dead_letters") else None,
                    "paused": each.paused if each.HasField("paused") else None,
                }
                for each in found
            ]
        }
    )


def letters(found: Iterable[tuple[str, pb.DeadLetter]]) -> None:
    """`{"dead_letters": [{"subscription", "id", "reason", "unreadable"}]}`, as `_letter` says."""
    echo_json({"dead_letters": [_letter(name, each) for name, each in found]})


def content(subscription: str, found: ReadDeadLettersResponse) -> None:
    """One letter as it is listed, with `attributes`, `data` in base64, `data_size` and `says`."""
    echo_json(
        {
            **_letter(subscription, found.dead_letter),
            "attributes": dict(sorted(found.attributes.items())),
            "data": b64encode(found.data).decode(),
            "data_size": found.data_size,
            "says": said(subscription, found.data) or None,
        }
    )


def pauses(found: Iterable[pb.Pause]) -> None:
    """`{"pauses": [{"subscription", "paused"}]}`."""
    echo_json(
        {"pauses": [{"subscription": each.subscription, "paused": each.paused} for each in found]}
    )


def counts(
    found: Iterable[engagement_pb.TweetCounts], drifts: Iterable[engagement_pb.CountDrift]
) -> None:
    """`{"counts": [{"tweet_id", "like", …}], "drifts": [{"tweet_id", "kind", …}]}`.

    Drifts are counts that were off, and have been put right. Ids are texts, as in the API.
    """
    echo_json(
        {
            "counts": [
                {
                    "tweet_id": str(each.tweet_id),
                    "like": each.like_count,
                    "retweet": each.retweet_count,
                    "bookmark": each.bookmark_count,
                    "reply": each.reply_count,
                    "quote": each.quote_count,
                }
                for each in found
            ],
            "drifts": [
                {
                    "tweet_id": str(each.tweet_id),
                    "kind": kind_of(each),
                    "counted": each.counted,
                    "exact": each.exact,
                }
                for each in drifts
            ],
        }
    )


def kind_of(drift: engagement_pb.CountDrift) -> str:
    """Name what was counted: `like`, `retweet` and so on."""
    name: str = engagement_pb.EngagementKind.Name(drift.kind)
    return name.removeprefix("ENGAGEMENT_KIND_").lower()


def threshold(controls: fanout_pb.Controls) -> None:
    """`{"celebrity_threshold", "default_celebrity_threshold"}`, in followers."""
    echo_json(
        {
            "celebrity_threshold": controls.celebrity_threshold,
            "default_celebrity_threshold": controls.default_celebrity_threshold,
        }
    )


def indexes(found: Iterable[search_pb.IndexStatus]) -> None:
    """`{"indexes": [{"replica", "tweets", "rebuilding", "percent", "caught_up_to"}]}`."""
    echo_json(
        {
            "indexes": [
                {
                    "replica": each.replica,
                    "tweets": each.tweets,
                    "rebuilding": each.rebuilding,
                    "percent": each.percent,
                    "caught_up_to": each.caught_up_to.ToJsonString(),
                }
                for each in found
            ]
        }
    )


def _letter(subscription: str, letter: pb.DeadLetter) -> dict[str, object]:
    """Its fields; `unreadable` has in base64 what there is of one that is no message."""
    return {
        "subscription": subscription,
        "id": letter.id,
        "reason": letter.reason,
        "unreadable": [
            {"name": b64encode(each.name).decode(), "value": b64encode(each.value).decode()}
            for each in letter.fields
        ],
    }
