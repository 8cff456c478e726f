"""Posts over HTTP/1.1 are read and answered as if Envoy's transcoder had translated them."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_pb2
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.composition.dependencies import service_of
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY, content_digest
from services.platform.rpc.created import location
from services.platform.rpc.server import Servicer
from services.platform.rpc.timestamps import to_timestamp
from tests.edge.test_edge import assert_error
from tests.edge.test_json_over_http import ERRORS
from tests.edge.two_edges import assert_same, two_edges

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/json"
ODD = (
    *("0", "-0", "1", "01", "-1", "1.0", "1.5", "-1.5", "1e3", "1E3", "1e-3", "0.1", "1e19"),
    *("1e300", "1e400", "-1e400", "1e", ".5", "+1", "0x1", "NaN", "Infinity"),
    *("123456789012345678901234567890", "-0.5e-7", "1e15", "1e16", "1e17", "-0.0", "9.3e18"),
    *("9223372036854775807", "-9223372036854775808", "5e-324"),
    *("18446744073709551616", "-9223372036854775809"),
    *("9007199254740993.0", "1.7976931348623157e308", "0.30000000000000004"),
    *("123456.7890123456789", "true", "false", "null", "[]", "[1]", '["a"]', "[[[]]]"),
    *('[{"user_id":"x"}]', "{}", '{"a":1}', '{"text":"a","text":"b"}'),
    *('""', '" "', '"1"', '"-1"', '"+1"', '"01"', '" 1"', '"1 "', '"\\t1"', '"1.0"', '"1e3"'),
    *('"9223372036854775807"', '"9223372036854775808"', '"-9223372036854775809"', '"0x10"'),
    *('"x"', '"NaN"', '"\\u0000"', '"a\\u0000b"', '"\\u001f\\u007f"', '"\\ud83d\\ude00"'),
    *('"\\b\\f\\n\\r\\t\\/\\\\\\""', '"\\ud800"', '"\\udc00\\ud800"', '"\\u00e9\u00e9"'),
    *('"\u2028<>&\'"', '"\\x"', "'a'", '"\ufeff"', '"a', "a", "", "1 2", "/**/1", '"\n"'),
    *(
        "[1,2]",
        '["1",2]',
        '[1,"x"]',
        "[null]",
        "[1,null,2]",
        "[true]",
        "[{}]",
        "[1.5]",
        "[1,1.5,2]",
    ),
    *('["x","y"]', "[[1],2]", "[1,"),
    *('"\x7f"', '"\U0001f600"', '"' + "x" * 300 + '"'),
)


def nested(opened: bytes, inner: bytes, closed: bytes, depth: int) -> bytes:
    return b'{"text":' + opened * depth + inner + closed * depth + b"}"


BODIES = (
    *(b"", b" ", b"{}", b"[]", b"[{}]", b"null", b"1", b'"a"', b"{", b"}", b"{}{}", b"{},"),
    *(b"{,}", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00", b"[" * 30_000),
    *(b'{"text":"\xff"}', b'{"text":"\xed\xa0\x80"}', b'{"\xff":1}', b'{"text":"a",}'),
    *(b'{text:"a"}', b'{"text" "a"}', b'{"text":}', b'{"text":"a" "user_id":1}'),
    *(b'{"text":"a","text":"a"}', b'{"text":null,"text":"a"}', b'{"userId":1}'),
    *(b'{"user_id ":1}', b'{"\\ud800":1}', b'{"":1}', b'{"tweet":{}}'),
    b'\t\r\n {"text":"a"}\n',
    *(nested(b"[", b"", b"]", depth) for depth in (2, 50, 98)),
    *(nested(b'{"a":', b"1", b"}", depth) for depth in (2, 98)),
)
OTHER_WORDS = (
    *(b'{"user_id":%s}' % number for number in (b"9223372036854775808", b"18446744073709551615")),
    b'{"media_ids":[9223372036854775808]}',
    *(b"\xef\xbb\xbf{}", b'\xef\xbb\xbf{"text":"a"}', b'{"text":"a"}\x00'),
    *(nested(b"[", b"", b"]", depth) for depth in (99, 100, 101, 150, 30_000)),
    *(nested(b'{"a":', b"1", b"}", depth) for depth in (99, 100, 101)),
)
"""Refused by both, by the transcoder for what its own parser finds, or for their depth; whole
numbers that only an unsigned one can hold, by the strict parser before it."""
NAMES = (
    *("user_id", "text", "in_reply_to_tweet_id", "quote_tweet_id", "request_id", "language"),
    "media_ids",
)
MADE = 400


class Tweets:
    """Says in the tweet what it was asked, or fails as a test wants it to."""

    def __init__(self) -> None:
        self.fails: Exception | None = None

    async def CreateTweet(  # noqa: N802
        self, request: pb.CreateTweetRequest, context: Any
    ) -> pb.CreateTweetResponse:
        if self.fails is not None:
            raise self.fails
        tweet_id = 1 << 62
        await context.send_initial_metadata(
            (
                (CONTENT_DIGEST_KEY, content_digest(request.text)),
                location("tweets", tweet_id),
            )
        )
        tweet = tweet_pb2.Tweet(
            tweet_id=tweet_id,
            user_id=request.user_id,
            text=f"{request.text}|{request.request_id}",
            created_at=to_timestamp(1_700_000_000_123),
            in_reply_to_tweet_id=request.in_reply_to_tweet_id or None,
            quote_tweet_id=request.quote_tweet_id or None,
            entities={"urls": [{"start": 1, "end": 5, "url": request.text[:9]}]},
            language=request.language,
            attachments={
                "media_refs": [{"media_id": each, "blurhash": "<b>"} for each in request.media_ids]
            },
        )
        return pb.CreateTweetResponse(tweet=tweet, tweet_id=tweet.tweet_id)

    async def GetTweet(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        raise AssertionError

    DeleteTweet = GetTweets = LookupTweets = ListAuthorTweets = GetTweet
    DecideDelivery = PlaceRetweets = GetTweet
    GetConversation = BackfillReplies = GetTweet
    LookupAuthorCounts = LookupSeenTweets = GetTweet
    ListQuarantinedTweets = QuarantineTweet = ClearTweet = GetTweet

    async def StreamTweets(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        yield pb.StreamTweetsResponse()


class Both(NamedTuple):
    """The same service behind two edges."""

    tweets: Tweets
    translated: httpx.AsyncClient
    over_http: httpx.AsyncClient

    async def post(self, body: bytes, key: str = "") -> httpx.Response:
        """Post to both, and give the answer, which must be the same."""
        said = {b"content-type": JSON.encode(), b"idempotency-key": key.encode()}
        theirs, ours = [
            await client.post("/v1/tweets", content=body, headers=said)
            for client in (self.translated, self.over_http)
        ]
        assert_same(theirs, ours, body[:300])
        return ours


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both() -> AsyncIterator[Both]:
    tweets = Tweets()
    servicer = Servicer(service_of(pb.DESCRIPTOR), tweets)
    # The edge is ready once it deletes a tweet, which this service does not.
    async with two_edges("tweet", servicer, translated={"opened": 500}) as clients:
        yield Both(tweets, *clients)


@pytest.fixture(autouse=True)
def _in_order(both: Both) -> None:
    both.tweets.fails = None


@pytest.mark.parametrize("name", NAMES)
async def test_odd_values_are_read_as_the_transcoder_reads_them(both: Both, name: str) -> None:
    statuses = {
        (await both.post(f'{{"{name}":{value}}}'.encode("utf-8", "surrogatepass"))).status_code
        for value in ODD
    }
    assert statuses == {201, 400}


async def test_odd_bodies_are_read_as_the_transcoder_reads_them(both: Both) -> None:
    statuses = {(await both.post(body)).status_code for body in BODIES}
    assert statuses == {201, 400}


@pytest.mark.parametrize("body", OTHER_WORDS, ids=len)
async def test_what_the_transcoder_does_not_read_is_400(both: Both, body: bytes) -> None:
    for client in (both.translated, both.over_http):
        answer = await client.post("/v1/tweets", content=body, headers={"content-type": JSON})
        assert_error(answer, 400, 3)


async def test_a_name_with_escapes_is_the_name_that_it_means(both: Both) -> None:
    """Who compares names as they are written finds them unknown (RFC 8259, 8.3)."""
    body, said = rb'{"te\u0078t":"a"}', {"content-type": JSON}
    answer = await both.over_http.post("/v1/tweets", content=body, headers=said)
    assert (answer.status_code, answer.json()["tweet"]["text"]) == (201, "a|")
    answer = await both.translated.post("/v1/tweets", content=body, headers=said)
    assert "unknown field" in assert_error(answer, 400, 3)


async def test_made_up_bodies_are_read_as_the_transcoder_reads_them(both: Both) -> None:
    rng = random.Random(55)  # noqa: S311 - the same bodies each time
    for _ in range(MADE):
        names = rng.choices(
            (*NAMES, "other"), weights=(9, 9, 9, 9, 9, 9, 9, 1), k=rng.randrange(1, 6)
        )
        blank = rng.choice(("", "", " ", "\n\t"))
        members = [f'{blank}"{name}"{blank}:{rng.choice(ODD)}' for name in names]
        await both.post(("{" + ",".join(members) + blank + "}").encode("utf-8", "surrogatepass"))


async def test_texts_come_back_as_the_transcoder_writes_them(both: Both) -> None:
    rng = random.Random(56)  # noqa: S311 - as above
    points = [*range(0x300), *range(0x2000, 0x2100), 0xFEFF, 0xFFFF, *range(0x1F600, 0x1F620)]
    for _ in range(60):
        text = "".join(map(chr, rng.choices(points, k=100)))
        body = json.dumps({"text": text, "user_id": 7}, ensure_ascii=rng.random() < 0.5)
        assert (await both.post(body.encode())).status_code == 201


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_errors_are_answered_as_the_transcoder_answers_them(
    both: Both, error: Exception
) -> None:
    both.tweets.fails = error
    assert (await both.post(b'{"text":"a"}')).status_code >= 400


@pytest.mark.parametrize("key", ["k1", "caf\u00e9", "with blank, and comma", "x" * 70])
async def test_a_key_of_a_request_is_read_alike(both: Both, key: str) -> None:
    for body, status in ((b"{}", 201), (b'{"request_id":"other"}', 400)):
        assert (await both.post(body, key=key)).status_code == status
    same = json.dumps({"request_id": key}).encode()
    assert (await both.post(same, key=key)).status_code == 201
