"""One reading of a request's body, whatever it is called: on the real Envoy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from gateway.envoy import own_contracts
from gateway.envoy.contracts import Contracts
from tests.edge.conftest import DESCRIPTOR, Edge, running_edge
from tests.edge.test_edge import assert_error

JSON = {"content-type": "application/json"}
GOOD = b'{"user_id":"1","text":"a"}'
TWEET = "aviary.tweet.v1.Tweet"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge(unauthenticated=True, limits=False) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refused(edge: Edge, body: bytes, path: str = "/v1/tweets", verb: str = "POST") -> str:
    answer = await edge.client.request(verb, path, content=body, headers=JSON)
    return assert_error(answer, 400, 3)


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id":"1","text":"a",}',
        b"{'user_id':'1','text':'a'}",
        b'{user_id:"1",text:"a"}',
        b'{"user_id":"1","text":"a"',
        b'{"user_id":"1","text":"a"} {}',
        b'{"user_id":"1","text":"a\n"}',
        b'{"user_id":"1",/**/"text":"a"}',
        b'{"user_id":01,"text":"a"}',
        b'{"user_id":1e400,"text":"a"}',
        b'{"user_id":"1","text":"\\ud800"}',
        b'{"user_id":"1","text":"\xff"}',
        b'{"user_id":"1","text":NaN}',
        b" ",
    ],
)
async def test_what_only_a_lenient_reader_takes_is_no_json(edge: Edge, body: bytes) -> None:
    assert "is not JSON" in await refused(edge, body)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"user_id":"1","text":"a","text":"b"}', '"text" is given twice'),
        (b'{"text":"{\\"text\\":1}\\\\","text":"b"}', '"text" is given twice'),
        (b'{"user_id":"1","texts":"a"}', 'unknown field "texts"'),
        (b'{"userId":"1","text":"a"}', 'unknown field "userId"'),
        (b'{"text":"a","te\\u0078t":"a"}', '"text" is given twice'),
        (b'{"":"1"}', "unknown field"),
        (b'{"user_id":"1","\xc3\xa9\\"":"a"}', "unknown field"),
        (b'{"%s":1}' % (b"x" * 1_000), "unknown field"),
    ],
)
async def test_a_name_that_is_unknown_or_given_twice_is_named(
    edge: Edge, body: bytes, named: str
) -> None:
    assert (await refused(edge, body)).endswith(named)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"user_id":"x","text":"a"}', 'user_id: invalid value "x"'),
        (b'{"user_id":"1","text":5}', "text: invalid value 5"),
        (b'{"user_id":"1","text":{"text":"a"}}', "object on a scalar field for type text"),
        (b'{"user_id":"1","text":["a"]}', "not repeating"),
        (b"[]", "must be a message"),
        (b"null", "must be a message"),
    ],
)
async def test_a_value_of_a_wrong_type_is_explained(edge: Edge, body: bytes, reason: str) -> None:
    assert reason in await refused(edge, body)


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b' {\n"user_id" : 1 , "text":"a"}\r\n',
        b'{"text":"a", "user_id":"1", "quote_tweet_id": null}',
        b'{"user_id":"1","text":"\\u0061"}',
    ],
)
async def test_json_is_taken_as_any_writer_lays_it_out(edge: Edge, body: bytes) -> None:
    answer = await edge.client.post("/v1/tweets", content=body, headers=JSON)
    assert answer.status_code == 201, answer.text
    assert answer.json()["tweet"]["text"] == "a"
    assert answer.json()["tweet"]["user_id"] == "1"


async def test_quotes_braces_and_commas_in_a_text_are_text(edge: Edge) -> None:
    text = '{"text": [1, "\\", \'}], "a": "b'
    answer = await edge.client.post("/v1/tweets", json={"user_id": "1", "text": text})
    assert answer.json()["tweet"]["text"] == text


async def test_every_path_with_a_body_is_read_so(edge: Edge) -> None:
    rpcs = [rpc for rpc in own_contracts().public if rpc.body]
    assert len(rpcs) > 5
    for rpc in rpcs:
        path = rpc.template.replace("{", "").replace("}", "").replace("user_id", "1")
        assert "is not JSON" in await refused(edge, b"{,}", path, rpc.verb), rpc
        assert '"zzz"' in await refused(edge, b'{"zzz":1}', path, rpc.verb), rpc
        for name in rpc.body_names:
            twice = b'{"%s":null,"%s":null}' % (name.encode(), name.encode())
            assert f'"{name}" is given twice' in await refused(edge, twice, path, rpc.verb)


async def test_a_field_of_the_path_is_unknown_in_the_body(edge: Edge) -> None:
    assert '"user_id"' in await refused(edge, b'{"user_id":"2"}', "/v1/users/1", "PATCH")


def _with_messages_inside(descriptor: bytes) -> bytes:
    """Contracts whose posts have a tweet in them, a list of tweets, and a map."""
    files = FileDescriptorSet.FromString(descriptor)
    (request,) = (
        message
        for file in files.file
        for message in file.message_type
        if (file.package, message.name) == ("aviary.tweet.v1", "CreateTweetRequest")
    )
    for number, (name, label) in enumerate((("one", 1), ("many", 3)), start=100):
        kind = FieldDescriptorProto.TYPE_MESSAGE
        added = request.field.add(name=name, number=number, type=kind, type_name=f".{TWEET}")
        added.label = FieldDescriptorProto.Label.ValueType(label)
    entry = request.nested_type.add(name="AnyEntry")
    entry.options.map_entry = True
    for number, name in enumerate(("key", "value"), start=1):
        kind = FieldDescriptorProto.TYPE_STRING
        label = FieldDescriptorProto.LABEL_OPTIONAL
        entry.field.add(name=name, number=number, type=kind, label=label)
    within = ".aviary.tweet.v1.CreateTweetRequest.AnyEntry"
    kind, label = FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.LABEL_REPEATED
    request.field.add(name="any", number=102, type=kind, label=label, type_name=within)
    return files.SerializeToString()


async def test_names_inside_messages_are_known_too(tmp_path: Path) -> None:
    changed = tmp_path / "descriptor.pb"
    changed.write_bytes(_with_messages_inside(DESCRIPTOR.read_bytes()))
    contracts = Contracts.read(changed)
    # The service knows no such contract: what it is sent has to be translated.
    changes = {"descriptor_path": changed, "contracts": contracts, "json_backends": {}}
    async with running_edge(unauthenticated=True, limits=False, **changes) as edge:
        for good in (
            b'{"one":{"text":"a"},"text":"b"}',
            b'{"many":[{"text":"a"},{"text":"b"}],"one":{"created_at":"2026-01-01T00:00:00Z"}}',
            b'{"any":{"zzz":"1"},"text":"a"}',
        ):
            answer = await edge.client.post("/v1/tweets", content=good, headers=JSON)
            assert answer.status_code == 201, answer.text
        assert '"zzz"' in await refused(edge, b'{"one":{"zzz":1}}')
        assert '"zzz"' in await refused(edge, b'{"many":[{"text":"a"},{"text":"b","zzz":1}]}')
        assert '"text" is given twice' in await refused(edge, b'{"one":{"text":"a","text":"b"}}')
        assert '"one" is given twice' in await refused(edge, b'{"one":{"text":"a"},"one":{}}')
