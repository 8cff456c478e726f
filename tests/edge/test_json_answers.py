"""Pages of timelines in JSON, equal to what Envoy's transcoder makes of the same pages."""

import random
import sys
from collections.abc import AsyncIterator, Iterator
from operator import add

import httpx
import pytest
import pytest_asyncio
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1.user_pb2 import User

from services.platform.drawing.drawing import Drawn
from services.platform.drawing.pieces import (
    BOOKMARKED,
    LIKED,
    NOBODY,
    RETWEETED,
    UNKNOWN_COUNTS,
    TweetPiece,
    pieces_of,
    without,
)
from services.platform.drawing.ports import UserPiece
from services.platform.rpc.json_answers import JsonPieces, json_text, json_writer
from services.timeline.page import splice_json_page
from tests.edge.conftest import BIG_ID, LONG, Edge, running_edge
from tests.edge.transcoded import Transcoder, transcoder

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECES = JsonPieces(Tweet, 1_000)
write_user = json_writer(User.DESCRIPTOR)
COUNTS = ("like_count", "retweet_count", "reply_count", "quote_count")
STATES = {LIKED: "liked", RETWEETED: "retweeted", BOOKMARKED: "bookmarked"}
SURROGATES = range(0xD800, 0xE000)
CODE_POINTS = [chr(point) for point in range(sys.maxunicode + 1) if point not in SURROGATES]
TEXT_CHARACTERS = 16_384
"""Of one text: 200 kB of JSON at most, where each is escaped as two surrogates."""
IDS = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 2, 2**63 - 1, -(2**63))
SECONDS = (0, 1, -1, 1_795_878_000, 253_402_300_799, -62_135_596_800)
NANOS = (0, 1, 120, 1_000, 999_000, 1_000_000, 120_000_000, 500_000_000, 999_999_999)
TWEETS = 6_000
PAGE = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def envoy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Transcoder]:
    async with transcoder(tmp_path_factory.mktemp("transcoder")) as running:
        yield running


def spliced(page: pb.GetHomeTimelineResponse) -> bytes:
    """The page as the timeline service makes it."""
    tweets = map(add, map(open_json, page.tweets), (added(tweet).json for tweet in page.tweets))
    cursor = json_text(page.next_cursor).encode() if page.next_cursor else b""
    drawn = Drawn(
        (),
        [UserPiece(json=write_user(user).encode()) for user in page.includes.users],
        [(b"", open_json(tweet) + added(tweet).json) for tweet in page.includes.tweets],
    )
    previous = json_text(page.previous_cursor).encode() if page.previous_cursor else b""
    return splice_json_page(tweets, cursor, drawn.includes_json, previous)


def open_json(tweet: Tweet) -> bytes:
    """What is kept of a tweet, and who retweeted it: without what is added, and its brace."""
    bare = Tweet.FromString(tweet.SerializeToString())
    for name in (*COUNTS, "viewer"):
        bare.ClearField(name)
    return PIECES.open_of(bare.SerializeToString())


def added(tweet: Tweet) -> TweetPiece:
    """What goes behind it."""
    pieces = UNKNOWN_COUNTS
    if tweet.HasField("like_count"):
        likes, retweets, replies, quotes = (getattr(tweet, name) for name in COUNTS)
        pieces = pieces_of(likes=likes, retweets=retweets, replies=replies, quotes=quotes)
    if not tweet.HasField("viewer"):
        return pieces[NOBODY]
    viewer = tweet.viewer
    done = sum(bit for bit, name in STATES.items() if getattr(viewer, name))
    withheld = sum(bit for bit, name in STATES.items() if not viewer.HasField(name))
    return pieces[without(withheld, done)]


def pages_of(texts: list[str], size: int) -> Iterator[pb.GetHomeTimelineResponse]:
    for start in range(0, len(texts), size):
        yield pb.GetHomeTimelineResponse(
            tweets=[Tweet(tweet_id=1, text=text) for text in texts[start : start + size]]
        )


def any_tweet(rng: random.Random) -> Tweet:
    """A tweet of which any field may be absent."""
    tweet = Tweet()
    if rng.random() < 0.9:
        tweet.tweet_id = rng.choice((rng.choice(IDS), rng.randrange(2**63)))
    if rng.random() < 0.9:
        tweet.user_id = rng.choice((rng.choice(IDS), rng.randrange(2**63)))
    if rng.random() < 0.9:
        some = rng.choice((CODE_POINTS[:0x180], CODE_POINTS[:0x3000], CODE_POINTS))
        tweet.text = "".join(rng.choices(some, k=rng.randrange(281)))
    if rng.random() < 0.8:
        tweet.created_at.seconds = rng.choice(
            (rng.choice(SECONDS), rng.randrange(SECONDS[-1], SECONDS[-2]))
        )
        tweet.created_at.nanos = rng.choice((rng.choice(NANOS), rng.randrange(10**9)))
    if rng.random() < 0.3:
        tweet.in_reply_to_tweet_id = rng.choice(IDS)
        tweet.in_reply_to_user_id = rng.choice(IDS)
        tweet.conversation_id = rng.choice(IDS)
    if rng.random() < 0.3:
        tweet.quote_tweet_id = rng.choice(IDS)
    if rng.random() < 0.3:
        tweet.language = rng.choice(("", "en", "zh-Hant-TW", rng.choice(CODE_POINTS)))
    for added_part, share in ((add_entities, 0.5), (add_attachments, 0.3), (add_retweeters, 0.3)):
        if rng.random() < share:
            added_part(tweet, rng)
    add_figures(tweet, rng)
    return tweet


def add_retweeters(tweet: Tweet, rng: random.Random) -> None:
    tweet.retweeted_by.retweet_id = rng.choice(IDS)
    tweet.retweeted_by.user_ids.extend(rng.choices(IDS, k=rng.choice((0, 1, 10))))


def add_attachments(tweet: Tweet, rng: random.Random) -> None:
    """Pictures, or none, which is not the same as no attachments."""
    tweet.attachments.SetInParent()
    for _ in range(rng.randrange(5)):
        picture = tweet.attachments.media_refs.add(
            media_id=rng.choice(IDS), content_type="image/png", width=rng.randrange(9_000)
        )
        picture.blurhash = "".join(rng.choices(CODE_POINTS[33:127], k=28))
        if rng.random() < 0.5:
            picture.alt_text = "".join(rng.choices(CODE_POINTS, k=rng.randrange(50)))


def add_figures(tweet: Tweet, rng: random.Random) -> None:
    """All counts or none, and of a viewer anything, or of none; as much as a token lets see."""
    if rng.random() < 0.7:
        for name in COUNTS:
            setattr(tweet, name, rng.choice((0, 1, 10_000, 2**31 - 1)))
    if rng.random() < 0.7:
        tweet.viewer.SetInParent()
        for name in rng.sample(list(STATES.values()), k=rng.randrange(4)):
            setattr(tweet.viewer, name, rng.random() < 0.5)


def any_user(rng: random.Random) -> User:
    """A user of whom any field may be absent."""
    user = User(user_id=rng.choice(IDS), handle="ada" * rng.randrange(3))
    if rng.random() < 0.9:
        user.display_name = "".join(rng.choices(CODE_POINTS[:0x3000], k=rng.randrange(50)))
    if rng.random() < 0.5:
        user.created_at.seconds = rng.randrange(SECONDS[-1], SECONDS[-2])
    if rng.random() < 0.5:
        user.bio = "".join(rng.choices(CODE_POINTS, k=rng.randrange(160)))
    return user


def add_entities(tweet: Tweet, rng: random.Random) -> None:
    """Some of each kind, or none of any, which is not the same as no entities."""
    tweet.entities.SetInParent()
    for kind, name in (
        (tweet.entities.mentions, "username"),
        (tweet.entities.hashtags, "tag"),
        (tweet.entities.cashtags, "tag"),
        (tweet.entities.urls, "url"),
    ):
        for _ in range(rng.choice((0, 0, 1, 3))):
            start = rng.choice((0, 1, 279, 2**31 - 1, -1))
            text = "".join(rng.choices(CODE_POINTS[:0x3000], k=rng.randrange(30)))
            kind.add(start=start, end=rng.randrange(2**31), **{name: text})


async def test_every_character_is_written_as_the_transcoder_writes_it(envoy: Transcoder) -> None:
    texts = [
        "".join(CODE_POINTS[start : start + TEXT_CHARACTERS])
        for start in range(0, len(CODE_POINTS), TEXT_CHARACTERS)
    ]
    for page in pages_of(texts, 10):
        answer = await envoy.home(page)
        assert answer.status_code == 200
        assert answer.content == spliced(page)


async def test_thousands_of_tweets_are_written_as_the_transcoder_writes_them(
    envoy: Transcoder,
) -> None:
    rng = random.Random(47)  # noqa: S311 - the same tweets each time
    for start in range(0, TWEETS, PAGE):
        page = pb.GetHomeTimelineResponse(tweets=[any_tweet(rng) for _ in range(PAGE)])
        if start % 600:
            page.includes.users.extend(any_user(rng) for _ in range(rng.randrange(1, 60)))
            page.includes.tweets.extend(any_tweet(rng) for _ in range(rng.randrange(4)))
        if start % 400:
            page.next_cursor = "".join(rng.choices(CODE_POINTS, k=34))
        if start % 1_000:
            page.previous_cursor = "".join(rng.choices(CODE_POINTS, k=44))
        for read in (envoy.home, envoy.user):
            answer = await read(page)
            assert answer.status_code == 200
            assert answer.content == spliced(page)


@pytest.mark.parametrize("cursor", ["", "-_aZ09", 'a"\\</script>\u2028\U000e0001'])
@pytest.mark.parametrize("tweets", [0, 1])
async def test_pages_without_tweets_or_cursor(envoy: Transcoder, tweets: int, cursor: str) -> None:
    page = pb.GetHomeTimelineResponse(tweets=[Tweet()] * tweets, next_cursor=cursor or None)
    assert (await envoy.home(page)).content == spliced(page)
    page.previous_cursor = cursor[::-1] or "p"
    assert (await envoy.home(page)).content == spliced(page)


async def test_an_answer_has_the_same_headers_as_one_that_the_edge_translates(
    envoy: Transcoder,
) -> None:
    async with running_edge(unauthenticated=True, limits=False) as edge:
        for limit in (0, 1, 50):
            tweet = Tweet(tweet_id=BIG_ID, text=LONG)
            page = pb.GetHomeTimelineResponse(tweets=[tweet] * limit)
            theirs, ours = await envoy.home(page), await _home(edge, limit)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
            assert _told(ours) == _told(theirs)


async def _home(edge: Edge, limit: int) -> httpx.Response:
    headers = {"accept-encoding": "identity"}
    return await edge.client.get(f"/v1/timeline/home?user_id=1&limit={limit}", headers=headers)


def _told(answer: httpx.Response) -> list[tuple[str, str]]:
    of_the_moment = {"date", "x-request-id"}
    return sorted((k, v) for k, v in answer.headers.multi_items() if k not in of_the_moment)
