"""What is written as JSON; that it equals the transcoder's is a test of the edge."""

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Value
from google.protobuf.wrappers_pb2 import DoubleValue

from services.platform.rpc.json_answers import JsonPieces, http_body, json_writer
from services.timeline.page import splice_json_page

SHOWN = b'{"tweet_id":"9","user_id":"0","text":"a\\u003cb"'
REPLY = b'{"tweet_id":"9","user_id":"0","text":"a","in_reply_to_tweet_id":"7"'


def test_messages_are_written_once_and_long_ones_each_time() -> None:
    pieces = JsonPieces(Tweet, 2)
    short = Tweet(tweet_id=9, text="a<b").SerializeToString()
    assert pieces.open_of(short) == SHOWN
    assert pieces.open_of(short) is pieces.open_of(short)
    reply = Tweet(tweet_id=9, text="a", in_reply_to_tweet_id=7).SerializeToString()
    assert pieces.open_of(reply) == REPLY
    long = Tweet(text="x" * 5_000).SerializeToString()
    assert pieces.open_of(long) == pieces.open_of(long)
    assert pieces.open_of(long) is not pieces.open_of(long)


def test_what_is_no_such_message_is_not_written() -> None:
    with pytest.raises(DecodeError):
        JsonPieces(Tweet, 1).open_of(b"\xff")


def test_the_body_says_what_it_is() -> None:
    body = HttpBody.FromString(http_body(b"{}"))
    assert (body.content_type, body.data) == ("application/json", b"{}")


def test_pages_are_joined() -> None:
    assert splice_json_page([]) == b'{"tweets":[]}'
    assert splice_json_page([b"1", b"2"], b'"c"') == b'{"tweets":[1,2],"next_cursor":"c"}'


@pytest.mark.parametrize("message", [DoubleValue, Value])
def test_types_that_no_answer_has_are_refused_at_once(message: type) -> None:
    with pytest.raises(TypeError, match="not written as JSON"):
        json_writer(message.DESCRIPTOR)
