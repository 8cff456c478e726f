"""A body of JSON has one reading."""

import json

import pytest
from aviary.timeline.v1 import timeline_service_pb2
from aviary.tweet.v1 import tweet_pb2
from aviary.tweet.v1 import tweet_service_pb2 as pb
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from services.platform.rpc.json_bodies import body_reader
from services.platform.rpc.json_queries import RequestError, query_reader

READ = body_reader(pb.CreateTweetRequest.DESCRIPTOR)
IDS = ("user_id", "in_reply_to_tweet_id", "quote_tweet_id")
TEXTS = ("text", "request_id")
WHOLE = st.integers(min_value=-(1 << 64), max_value=1 << 65)
NUMBERS = st.one_of(WHOLE, st.floats(allow_nan=False, allow_infinity=False))
OTHERS = st.one_of(st.none(), st.booleans(), NUMBERS, WHOLE.map(str))
MEMBERS = st.one_of(
    st.tuples(st.sampled_from(IDS), OTHERS),
    st.tuples(st.sampled_from(TEXTS), st.one_of(OTHERS, st.text(max_size=20))),
)


def request(body: bytes) -> pb.CreateTweetRequest:
    return pb.CreateTweetRequest.FromString(READ(body))


def complaint(body: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        READ(body)
    assert caught.value.reply.status == 400
    return str(json.loads(caught.value.reply.body)["message"])


@given(st.lists(MEMBERS, max_size=4).map(dict))
def test_it_reads_what_protobuf_reads_and_refuses_what_it_refuses(
    members: dict[str, object],
) -> None:
    body = json.dumps(members).encode()
    try:
        wanted = json_format.Parse(body, pb.CreateTweetRequest())
    except json_format.ParseError:
        complaint(body)
    else:
        assert request(body) == wanted


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b'{"text":"a"}x',
        b'{"text":"a",}',
        b"{'text':'a'}",
        b'{"text":"a\n"}',
        b'{"text":"\\ud800"}',
        b'{"text":"\xff"}',
        b'{"text":"\xed\xa0\x80"}',
        b'{"user_id":NaN}',
        b'{"user_id":-Infinity}',
        b'{"\\ud800":1}',
        b'{"text":{"a":["\\udc00"]}}',
        b'{"user_id":1e400}',
        b'{"user_id":1%s}' % (b"0" * 400),
        b'{"text":"a","more":[-1e400]}',
        b'{"user_id":01}',
        b"\xff\xfe{\x00}\x00",
        b"{}\x00",
        b"\xef\xbb\xbf{}",
        b"[" * 60_000,
        b'{"text":' + b"[" * 60_000,
        b"9" * 60_000,
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert "is not JSON" in complaint(body) or "must be a message" in complaint(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"text":"a","text":"a"}', 'field "text" is given twice'),
        (b'{"text":null,"te\\u0078t":"a"}', 'field "text" is given twice'),
        (b'{"texts":1}', 'unknown field "texts"'),
        (b'{"userId":"1"}', 'unknown field "userId"'),
        (b'{"text":{"a":[{"b":1,"b":2}]}}', 'field "b" is given twice'),
        (b'{"media_ids":[{"a":1,"a":2}],"other":1}', 'field "a" is given twice'),
        (b'{"other":1,"media_ids":[{"a":1,"a":2}]}', 'unknown field "other"'),
        (b'{"a b":1}', "unknown field"),
        (b"[]", "must be a message"),
        (b"null", "must be a message"),
        (b'{"user_id":"x","text":5}', "text: invalid value 5 for type TYPE_STRING"),
        (b'{"user_id":1.5}', "user_id: invalid value 1.5 for type TYPE_INT64"),
        (b'{"user_id":9223372036854775808}', "invalid value 9223372036854775808"),
        (b'{"user_id":true}', "invalid value true"),
        (b'{"user_id":[1]}', "cannot start list"),
        (b'{"media_ids":[1,"x"]}', 'media_ids[0]: invalid value "x" for type TYPE_INT64'),
        (b'{"media_ids":["x",1,true]}', "media_ids[1]: invalid value true for type TYPE_INT64"),
        (b'{"media_ids":[1,{}]}', "media_ids: invalid value Starting an object"),
    ],
)
def test_a_refusal_says_why(body: bytes, said: str) -> None:
    assert complaint(body).endswith(said) or said in complaint(body)


def test_ids_are_whole_to_the_last_digit() -> None:
    for value in (b"9007199254740993", b'"9007199254740993"'):
        assert request(b'{"user_id":%s}' % value).user_id == 9007199254740993


def test_a_list_is_read_item_by_item() -> None:
    for body in (b'[3,"1",2]', b'[3.0,null,"1", 2]', b"[[3],[1,[2]]]"):
        assert request(b'{"media_ids":%s}' % body).media_ids == [3, 1, 2]
    assert request(b'{"media_ids":[]}') == pb.CreateTweetRequest()


def test_nothing_is_an_empty_request() -> None:
    for body in (b"", b"{}", b'{"text":null}'):
        assert request(body) == pb.CreateTweetRequest()


def test_fields_of_other_types_cannot_be_read() -> None:
    with pytest.raises(TypeError, match="created_at"):
        body_reader(tweet_pb2.Tweet.DESCRIPTOR)
    with pytest.raises(TypeError, match="tweet_ids"):
        query_reader(pb.LookupTweetsRequest.DESCRIPTOR)
    body_reader(timeline_service_pb2.GetHomeTimelineRequest.DESCRIPTOR)
