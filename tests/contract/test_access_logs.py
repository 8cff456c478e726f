"""From an edge's log to scores, on a real Valkey."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.access_log_service import (
    ACCOUNTS_OF_AN_ADDRESS,
    AccessLogServicer,
    masked,
)
from gateway.control_plane.keys import listed_key
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.limits.budgets import Subject
from services.platform.runtime.clock import SystemClock
from services.platform.tokens.revocations import Revocable
from services.platform.tokens.revoked_store import RevokedStore, revoked_key
from services.platform.valkey.connection import ValkeyClient
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

POST = "/aviary.tweet.v1.TweetService/CreateTweet"
READ = "/aviary.tweet.v1.TweetService/GetTweet"
RULES = ReputationRules(half_life_s=10_000)


@pytest.fixture
def store(client: ValkeyClient) -> ReputationStore:
    return ReputationStore(client, SystemClock(), RULES)


def entry(  # noqa: PLR0913 - all but one have defaults
    status: int,
    *,
    user: str = "",
    address: str = "192.0.2.1",
    path: str = POST,
    method: pb.RequestMethod.ValueType = pb.REQUEST_METHOD_POST,
    digest: str = "",
) -> pb.HttpAccessLogEntry:
    made = pb.HttpAccessLogEntry()
    common = made.common_properties
    common.downstream_remote_address.socket_address.address = address
    if digest:
        common.custom_tags["digest"] = digest
    if user:
        made.request.request_headers["x-user-id"] = user
    made.request.path, made.request.request_method = path, method
    made.response.response_code.value = status
    return made


async def report(store: ReputationStore, *batches: Sequence[pb.HttpAccessLogEntry]) -> None:
    async def messages() -> AsyncIterator[pb.StreamAccessLogsMessage]:
        for batch in batches:
            logs = pb.HttpAccessLogEntries(log_entry=batch)
            yield pb.StreamAccessLogsMessage(http_logs=logs)

    context: Any = None  # the stream's, of which nothing is asked
    await AccessLogServicer(store, SystemClock()).StreamAccessLogs(messages(), context)


async def test_refused_subjects_are_listed(store: ReputationStore) -> None:
    await report(store, [entry(401)] * 6, [entry(401)] * 6, [entry(403, user="7")] * 11)
    assert list(await store.listed(Subject.IP)) == ["192.0.2.1/32"]
    assert list(await store.listed(Subject.USER)) == ["7"]


async def test_an_entry_without_an_address_is_passed_over(store: ReputationStore) -> None:
    await report(store, [entry(400, address="")] * 50, [entry(401)] * 11)
    assert list(await store.listed(Subject.IP)) == ["192.0.2.1/32"]


async def test_an_entry_that_cannot_be_counted_is_passed_over(store: ReputationStore) -> None:
    odd = [entry(401, address=address) for address in ("@pipe", "256.1.1.1", "\0", "::1%eth0")]
    await report(store, [*odd, *[entry(401)] * 6], [*[entry(401)] * 6, *odd])
    assert "192.0.2.1/32" in await store.listed(Subject.IP)


async def test_names_that_nobody_can_have_are_left_out(
    client: ValkeyClient, store: ReputationStore
) -> None:
    ahead = SystemClock().now_ms() + RULES.most_ms
    names = [
        b"192.0.2.1/32",
        b"2001:db8::/64",
        b"192.0.2.1",
        b"192.0.2.1/24",
        b"x/32",
        b"\xff",
        b"",
    ]
    names += [b"fe80::%eth0/128", b"192.0.2.0/255.255.255.0"]
    await client.zadd(listed_key(Subject.IP), dict.fromkeys(names, ahead))
    await client.zadd(listed_key(Subject.IP), {b"192.0.2.3/32": "+inf"})
    assert sorted(await store.listed(Subject.IP)) == ["192.0.2.1/32", "2001:db8::/64"]
    await client.zadd(listed_key(Subject.USER), dict.fromkeys([b"7", b"\xff", b""], ahead))
    assert list(await store.listed(Subject.USER)) == ["7"]
    revoked = RevokedStore(client, SystemClock())
    for kind in Revocable:
        await revoked.restore(kind, {})
    await revoked.add(Revocable.USER, {"7": ahead})
    await client.zadd(revoked_key(Revocable.USER), {b"\xfe": ahead, b"8": "+inf"})
    listed = await revoked.listed()
    assert listed is not None
    assert listed[Revocable.USER].names == {"7"}


@pytest.mark.parametrize("place", ["response_headers", "response_trailers"])
async def test_a_refusal_by_grpc_counts_as_one_by_http(store: ReputationStore, place: str) -> None:
    def answered(user: str, code: grpc.StatusCode) -> list[pb.HttpAccessLogEntry]:
        made = entry(200, user=user, path=READ)
        getattr(made.response, place)["grpc-status"] = str(code.value[0])
        return [made] * 11

    await report(store, answered("1", grpc.StatusCode.UNAUTHENTICATED))
    await report(store, answered("2", grpc.StatusCode.RESOURCE_EXHAUSTED))
    await report(store, answered("3", grpc.StatusCode.OK), answered("4", grpc.StatusCode.INTERNAL))
    await report(store, answered("5", grpc.StatusCode.UNAVAILABLE))
    assert set(await store.listed(Subject.USER)) == {"1", "2"}


async def test_a_user_who_repeats_itself_is_listed(store: ReputationStore) -> None:
    for number in range(8):
        await report(store, [entry(200, user="1", digest=f"mine {number}")])
        await report(store, [entry(200, user="2", digest="b0")])
    assert list(await store.listed(Subject.USER)) == ["2"]


@pytest.mark.parametrize("path", [POST, "/v1/tweets", "/v1/tweets?&"])
async def test_who_posts_faster_than_any_hand_is_listed(store: ReputationStore, path: str) -> None:
    def batches(user: str, **other: Any) -> list[list[pb.HttpAccessLogEntry]]:
        return [[entry(204, user=user, path=path, **other)] * 40 for _ in range(3)]

    await report(store, *batches("1"), *batches("2", method=pb.REQUEST_METHOD_UNSPECIFIED))
    assert list(await store.listed(Subject.USER)) == ["1"]


async def test_a_crowd_at_one_address_is_listed(store: ReputationStore) -> None:
    crowd = range(1_000, 1_000 + ACCOUNTS_OF_AN_ADDRESS)
    await report(store, *([entry(200, user=str(user))] for user in crowd))
    assert await store.listed(Subject.IP) == {}
    await report(store, *([entry(200, user=str(user))] for user in range(2_000, 2_040)))
    assert list(await store.listed(Subject.IP)) == ["192.0.2.1/32"]


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.1", "192.0.2.1/32"), ("2001:db8::1:2:3:4", "2001:db8::/64")],
)
def test_addresses_are_counted_as_the_limits_count_them(address: str, network: str) -> None:
    assert masked(address) == network
