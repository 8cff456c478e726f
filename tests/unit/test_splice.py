"""The spliced page equals what the protobuf runtime encodes."""

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1.user_pb2 import User
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from services.platform.drawing.drawing import Drawn
from services.platform.drawing.ports import UserPiece
from services.timeline.page import splice_page

_FIELD = descriptor_pb2.FieldDescriptorProto


def _page_class() -> type:
    file = descriptor_pb2.FileDescriptorProto(
        name="splice_test.proto", package="splice_test", syntax="proto3"
    )
    tweet = file.message_type.add(name="Tweet")
    tweet.field.add(name="text", number=2, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
    page = file.message_type.add(name="Page")
    page.field.add(
        name="tweets",
        number=1,
        type=_FIELD.TYPE_MESSAGE,
        type_name=".splice_test.Tweet",
        label=_FIELD.LABEL_REPEATED,
    )
    for number, name in ((2, "next_cursor"), (3, "previous_cursor")):
        page.field.add(
            name=name, number=number, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("splice_test.Page"))


PAGE = _page_class()
# Surrogates have no UTF-8, so no protobuf string can hold them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(texts=st.lists(TEXT, max_size=8), cursor=TEXT, previous=TEXT)
def test_equals_the_protobuf_runtime(texts: list[str], cursor: str, previous: str) -> None:
    page = PAGE(
        tweets=[{"text": text} for text in texts], next_cursor=cursor, previous_cursor=previous
    )
    encoded = [tweet.SerializeToString() for tweet in page.tweets]
    spliced = splice_page(encoded, cursor, previous_cursor=previous)
    assert spliced == page.SerializeToString(deterministic=True)


def test_lengths_around_each_varint_size() -> None:
    for length in (0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152):
        page = PAGE(tweets=[{"text": "x" * length}], next_cursor="c" * length)
        encoded = page.tweets[0].SerializeToString()
        assert splice_page([encoded], "c" * length) == page.SerializeToString()


@given(
    likes=st.none() | st.integers(0, 2**31 - 1),
    users=st.lists(TEXT, max_size=3),
    quoted=st.lists(TEXT, max_size=2),
)
def test_what_is_drawn_equals_the_protobuf_runtime(
    likes: int | None, users: list[str], quoted: list[str]
) -> None:
    page = pb.GetHomeTimelineResponse(tweets=[Tweet(tweet_id=1, like_count=likes)])
    included = [Tweet(text=text).SerializeToString() for text in quoted]
    authors = [User(display_name=text) for text in users]
    if users or quoted:
        page.includes.users.extend(authors)
        page.includes.tweets.extend(map(Tweet.FromString, included))
    drawn = Drawn(
        (),
        [UserPiece(author.SerializeToString()) for author in authors],
        [(encoded, b"") for encoded in included],
    )
    encoded = splice_page([page.tweets[0].SerializeToString()], includes=drawn.includes)
    assert encoded == page.SerializeToString(deterministic=True)


def test_an_empty_page_is_empty() -> None:
    assert splice_page([]) == b""
