"""Whatever clients send, no event loop is held up: each text field, at its bounds and beyond."""

import json
import random
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import quote

import grpc
import httpx
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway.envoy.contracts import PublicRpc
from services.identity.passwords import MAX_PASSWORD_CHARS
from services.identity.requests import MAX_BODY_BYTES
from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES
from tests.rpc.bounded_fields import DEFAULTS, FIELDS, LISTS
from tests.rpc.hostile_texts import FOUR_TO_ONE, HOSTILE
from tests.rpc.loop_world import MAX_TURN_S, RPCS, World, code_of, made_world
from tests.rpc.one_loop import message_class, one_loop

FORM = "application/x-www-form-urlencoded"


def fields_of(rpc: PublicRpc) -> Iterator[FieldDescriptor]:
    """Every field of the request, and of messages in it."""
    left = [message_class(rpc.request).DESCRIPTOR]
    while left:
        for field in left.pop().fields:
            yield field
            if field.message_type is not None:
                left.append(field.message_type)


ALL_FIELDS = [(rpc, field) for rpc in RPCS.values() for field in fields_of(rpc)]
TEXT_TYPES = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def test_every_field_of_unbounded_size_is_tried_here() -> None:
    texts = {field.full_name for _, field in ALL_FIELDS if field.type in TEXT_TYPES}
    assert texts == FIELDS.keys()
    lists = {field.full_name for _, field in ALL_FIELDS if field.is_repeated}
    assert lists == LISTS.keys()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with one_loop(tmp_path_factory.mktemp("loop")) as loop:
        yield made_world(loop, query=DEFAULTS["query"])


def request(world: World, rpc: PublicRpc, field: FieldDescriptor, value: Any) -> Message:
    """A request that is good but for this field."""
    kind = message_class(rpc.request)
    made: dict[str, Any] = {}
    for each in kind.DESCRIPTOR.fields:
        if each.name in {"request_id", "cursor"} or each.is_repeated:
            continue
        if each.name.endswith("_id"):
            first = not made or each.name == "user_id"
            made[each.name] = world.ada if first else world.bob
        elif each.name in DEFAULTS and not (rpc.method == "UpdateUser" and each.name == "handle"):
            made[each.name] = DEFAULTS[each.name]
    made |= {"in_reply_to_tweet_id": 0, "quote_tweet_id": 0} if "text" in made else {}
    if "list_id" in made:
        made |= {"list_id": world.list, "user_id": world.ada}
    if rpc.method in {"ListLikers", "ListRetweeters", "GetConversation"}:
        made["tweet_id"] = world.tweet
    if rpc.method == "GetTweets":
        made["ids"] = str(world.tweet)
    if rpc.method in {"DeleteUser", "DeleteTweet"}:
        made = dict.fromkeys(made, 2**62)  # nobody's
    return kind(**{**made, field.name: value})


def name_of(value: object) -> str:
    """A name that is the same in every process that collects these tests."""
    return str(getattr(value, "full_name", getattr(value, "method", "")))


@pytest.mark.parametrize(
    ("rpc", "field"),
    [each for each in ALL_FIELDS if each[1].type in TEXT_TYPES],
    ids=name_of,
)
def test_a_text_of_any_size_holds_nobody_up(
    world: World, rpc: PublicRpc, field: FieldDescriptor
) -> None:
    bounds = FIELDS[field.full_name]
    taken = [text if isinstance(text, str) else text(world) for text in bounds.taken]
    slow = {}
    for number, text in enumerate([*taken, *bounds.refused, *HOSTILE.values()]):
        code, turn_s = world.measured(partial(world.code, rpc, request(world, rpc, field, text)))
        bad = code is grpc.StatusCode.INVALID_ARGUMENT
        assert bad == (number >= len(taken)), (code, text[:40], len(text))
        assert code is not grpc.StatusCode.INTERNAL
        if turn_s >= MAX_TURN_S:
            slow[text[:20], len(text)] = turn_s
    assert slow == {}


@pytest.mark.parametrize(
    ("rpc", "field"), [each for each in ALL_FIELDS if each[1].is_repeated], ids=name_of
)
def test_a_list_of_any_length_holds_nobody_up(
    world: World, rpc: PublicRpc, field: FieldDescriptor
) -> None:
    most, refused = LISTS[field.full_name]
    for numbers in (range(2**40, 2**40 + most), *refused):
        code, turn_s = world.measured(partial(world.code, rpc, request(world, rpc, field, numbers)))
        wanted = (
            grpc.StatusCode.NOT_FOUND if numbers[0] == 2**40 else grpc.StatusCode.INVALID_ARGUMENT
        )
        assert code is wanted, (numbers[0], len(numbers))
        assert turn_s < MAX_TURN_S


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize("rpc", RPCS.values(), ids=RPCS)
def test_a_message_of_any_size_holds_nobody_up(
    world: World, rpc: PublicRpc, compression: grpc.Compression
) -> None:
    # An unknown field is skipped, so these are good for every RPC, but for their size.
    for size in (MAX_REQUEST_BYTES + 1, 2**20, 2**23):
        unknown = b"\xfa\x7f" + _varint(size) + b"a" * size
        send = partial(world.loop.send, rpc, unknown, compression=compression)
        code, turn_s = world.measured(partial(code_of, send))
        ours, grpcs = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
        assert code is (ours if size < 2**20 else grpcs)
        assert turn_s < MAX_TURN_S


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


GOOD = {"handle": "eve", "display_name": "Eve", "password": "correct horse battery"}
JSON_FIELDS = [("/oauth/sign-up", name) for name in GOOD]
OAUTH_FIELDS = (
    *("client_id", "client_secret", "redirect_uri", "scope", "state", "nonce", "code"),
    *("code_challenge", "code_verifier", "refresh_token", "token", "grant_type", "subject_token"),
    *("handle", "password", "csrf", "decision"),
)


def cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


@pytest.mark.parametrize(("path", "name"), JSON_FIELDS)
def test_a_text_sent_to_the_issuer_holds_nobody_up(world: World, path: str, name: str) -> None:
    # In an order that is not easy to guess.
    letters = random.Random(0).choices("\u03b1\u03b7\u03c9", k=MAX_PASSWORD_CHARS)  # noqa: S311
    password = "".join(letter + FOUR_TO_ONE[1:] for letter in letters)
    longest = {"password": password, "display_name": FOUR_TO_ONE * 50}
    texts = [cut(text, MAX_BODY_BYTES - 200) for text in HOSTILE.values()]
    with httpx.Client(base_url=world.loop.identity_url, timeout=30) as http:
        for text in [longest.get(name, "E" * 15), *texts, "\ud800" * 20, "x" * MAX_BODY_BYTES]:
            body = json.dumps({**GOOD, name: text}, ensure_ascii="\ud800" in text)
            answer, turn_s = world.measured(partial(http.post, path, content=body.encode()))
            good = 200 if text == longest.get(name, "E" * 15) else 400
            assert answer.status_code in {good, 409 if good == 200 else good}, (
                text[:20],
                answer.text,
            )
            assert turn_s < MAX_TURN_S, (text[:20], len(text))


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/log-in"])
def test_a_form_sent_to_the_issuer_holds_nobody_up(world: World, path: str) -> None:
    headers = {"content-type": FORM}
    with httpx.Client(base_url=world.loop.identity_url, timeout=30) as http:
        for name, kind in product(OAUTH_FIELDS, ("marks", "letters", "labels", "percents")):
            # Percents are in percent-encoding already.
            text = HOSTILE[kind] if kind == "percents" else quote(HOSTILE[kind])
            form = f"{name}={text}"[: MAX_BODY_BYTES - MAX_BODY_BYTES % 6]
            form = form.rpartition("%CC")[0] or form
            post = partial(http.post, path, content=form, headers=headers)
            answer, turn_s = world.measured(post)
            assert 400 <= answer.status_code < 500, answer.text
            assert turn_s < MAX_TURN_S, (name, kind)


@pytest.mark.parametrize("header", ["cookie", "authorization", "content-type", "x-other"])
def test_a_header_sent_to_the_issuer_holds_nobody_up(world: World, header: str) -> None:
    values = ['aviary-csrf="' + "\\" * 15_000 + '"', "Basic " + "QUFB" * 3_700, ";" * 15_000]
    values += ["a=b;" * 3_700, "Bearer " + "a." * 7_000, "Bearer " + "eyJh" * 3_700, "\\" * 15_000]
    with httpx.Client(base_url=world.loop.identity_url, timeout=30) as http:
        for value in values:
            for path in ("/oauth/log-in", "/oauth/token", "/oauth/userinfo"):
                headers = {"content-type": FORM, header: value}
                post = partial(http.post, path, data={"client_id": "x"}, headers=headers)
                answer, turn_s = world.measured(post)
                assert 400 <= answer.status_code < 500, answer.text
                assert turn_s < MAX_TURN_S, (path, value[:20])
