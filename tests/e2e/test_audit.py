"""Everything that somebody may have to answer for is in the audit log of the whole system."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.local.os_user import os_user
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.config.signing_keys import SigningKey
from services.platform.rpc.operator import operator_channel, operator_files
from services.platform.runtime.clock import SystemClock
from services.platform.security.signing import Signer
from tests.e2e.acting import eventually
from tests.e2e.conftest import SIDECARS, Mesh, start, stop
from tests.e2e.operators import operate
from tests.e2e.test_identity import bearer, logged_in, refresh, register, sign_up

OLD, NEW = SigningKey("old", b"0123456789abcdef" * 2), SigningKey("new", b"fedcba9876543210" * 2)
FEW = 3
SIGN_UPS = 60  # of one address: ten are let in at once, and then one each six seconds


class World:
    def __init__(self, mesh: Mesh, keys: Path) -> None:
        self.mesh = mesh
        self.keys = keys

    def operate(self, *words: str, fails: bool = False) -> str:
        environment = {"AVIARY_SIGNING_KEYS_FILE": str(self.keys)}
        return operate(self.mesh, *words, fails=fails, **environment)

    def entries(self, event: str, chain: str = "*") -> list[dict[str, Any]]:
        found = []
        for path in (self.mesh.data_dir / "audit").glob(f"{chain}.log"):
            lines = path.read_text().splitlines()
            found += [json.loads(line) for line in lines if line.endswith("}")]
        return [each["facts"] for each in found if each["event"] == event]

    def waits_for(self, event: str, chain: str = "*", **facts: object) -> None:
        """Wait until there is such an entry."""

        def recorded() -> bool:
            known = self.entries(event, chain)
            return any(facts.items() <= each.items() for each in known)

        eventually(recorded, expected=True)


def write(path: Path, *keys: SigningKey) -> None:
    fresh = path.with_suffix(".next")
    fresh.write_text("\n".join(f"{key.key_id}:{key.secret.hex()}" for key in keys))
    fresh.replace(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("audit")
    keys = folder / "signing.keys"
    write(keys, OLD)
    running = start(folder / "data", AVIARY_EDGE_LIMITS="on", AVIARY_SIGNING_KEYS_FILE=str(keys))
    yield World(running, keys)
    assert stop(running) == 0


def test_who_proved_who_they_are(world: World) -> None:
    app = register(world.mesh, "--public")
    handle, user_id = sign_up(world.mesh)
    made = logged_in(world.mesh, handle, app)
    who = {"user_id": user_id, "client_id": app["client_id"]}
    world.waits_for("signup.completed", handle=handle, user_id=user_id)
    world.waits_for("login.succeeded", **who)
    world.waits_for("token.issued", grant="authorization_code", **who)
    assert refresh(world.mesh, made["refresh_token"], app).is_success
    world.waits_for("token.issued", grant="refresh_token", **who)

    mine = bearer(made["access_token"])
    for _ in range(FEW):
        posted = world.mesh.rest.post("/v1/tweets", json={"text": "hi"}, headers=mine)
        assert posted.is_success, posted.text
    facts = {"user": str(user_id), "client": app["client_id"], "remote": "127.0.0.1"}
    world.waits_for("token.accepted", "gateway", **facts)
    accepted = [each for each in world.entries("token.accepted") if facts.items() <= each.items()]
    assert len(accepted) == 1
    refused = httpx.get(f"{world.mesh.rest.base_url}/v1/timeline/home", headers=bearer("no.token"))
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    world.waits_for("edge.denied", "gateway", status=401)


def test_what_operators_did(world: World) -> None:
    world.operate("pause", "fanout.rest")
    world.operate("resume", "fanout.rest")
    world.operate("threshold", "7")
    with world.mesh.valkey("bus") as bus:
        # Nothing is asked of the service where there is nothing to put back.
        bus.xadd("bus:{fanout.plan}:dead", {b"r": b"why"})
    world.operate("redrive", "fanout.plan")
    _, reader = sign_up(world.mesh)
    world.operate("rebuild-home", str(reader))
    world.operate("pause", "fanout.none", fails=True)
    queues, fanout = "aviary.queue.v1.QueueService", "aviary.fanout.v1.FanoutService"
    for rpc, arguments in (
        (f"{queues}/PauseSubscriptions", 'subscriptions: "fanout.rest"'),
        (f"{queues}/ResumeSubscriptions", 'subscriptions: "fanout.rest"'),
        (f"{fanout}/SetCelebrityThreshold", "followers: 7"),
        (f"{queues}/RedriveDeadLetters", 'subscription: "fanout.plan" limit: 1'),
    ):
        what = {"what": rpc, "arguments": arguments, "caller": "operator"}
        world.waits_for("admin.called", "fanout", **what)
    rebuild = "aviary.timeline.v1.TimelineService/RebuildHomeTimeline"
    world.waits_for("admin.called", "timeline", what=rebuild, arguments=f"user_id: {reader}")
    world.waits_for("admin.ended", "fanout", outcome="INVALID_ARGUMENT")
    called = {each["call"]: each for each in world.entries("admin.called")}
    ended = {each["call"]: each["outcome"] for each in world.entries("admin.ended")}
    assert called.keys() == ended.keys()
    certificates = {each["certificate"] for each in called.values() if "certificate" in each}
    assert len(certificates) == 1
    assert certificates != {""}

    register(world.mesh, "--public")
    world.waits_for("admin.called", "operator", what="register-app", by=os_user())
    world.waits_for("app.registered", "operator", public=True)


async def test_what_was_refused_between_processes(world: World) -> None:
    certificates = operator_files(world.mesh.data_dir)
    address = world.mesh.address("tweet")
    signer = Signer(lambda: (OLD,), SystemClock())
    async with operator_channel(certificates, "tweet", address, signer=signer) as channel:
        for _ in range(FEW):
            request = tweet_pb.LookupTweetsRequest(tweet_ids=[1])
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await TweetServiceStub(channel).LookupTweets(request, timeout=5)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    method = "aviary.tweet.v1.TweetService/LookupTweets"
    world.waits_for("sibling.denied", "tweet", method=method, caller="operator")

    def times() -> int:
        denied = [each for each in world.entries("sibling.denied") if each["method"] == method]
        return sum(each["times"] for each in denied)

    eventually(times, FEW)
    # Its certificate would do, but it does not sign.
    assert "no known form" in operate(world.mesh, "queues", fails=True)
    world.waits_for("sibling.denied", "fanout", caller="operator", reason="SIGNATURE_MALFORMED")


def test_which_keys_were_replaced(world: World) -> None:
    write(world.keys, NEW, OLD)
    world.operate("queues")
    eventually(lambda: world.operate("pause", "fanout.rest") != "", expected=True)
    world.operate("resume", "fanout.rest")
    world.waits_for("signing_keys.in_use", "fanout", signs="new", verify="new old")

    rotated = world.operate("rotate-signing-key").split()[1]
    world.waits_for("key.added", "operator", kid=rotated)
    world.waits_for("admin.called", "operator", what="rotate-signing-key", by=os_user())

    before = len(world.entries("certificate.in_use", "fanout"))
    assert before == (0 if SIDECARS else 1)
    world.operate("certs", "--authority", "add")
    world.operate("certs", "--authority", "switch")
    for step in ("add", "switch"):
        world.waits_for("authority.changed", "certificates", step=step, by=os_user())
    assert len(world.entries("certificate.issued", "certificates")) >= 2 * len(DEFAULT_ADDRESSES)
    if not SIDECARS:
        eventually(
            lambda: len(world.entries("certificate.in_use", "fanout")) > before, expected=True
        )


def test_whom_the_limits_stopped(world: World) -> None:
    for number in range(SIGN_UPS):
        body = {"handle": f"many_{number}", "display_name": "M", "password": "long enough a word"}
        last = httpx.post(f"{world.mesh.rest.base_url}/oauth/sign-up", json=body)
        if not last.is_success:
            break
    assert last.status_code == httpx.codes.TOO_MANY_REQUESTS
    world.waits_for("limit.hit", "gateway", status=429, remote="127.0.0.1")


def test_the_audit_log_verifies_and_shows_tampering(world: World) -> None:
    printed = world.operate("audit", "verify")
    chains = {line.partition(":")[0] for line in printed.splitlines()}
    assert chains == {*DEFAULT_ADDRESSES, "operator", "certificates"}
    path = world.mesh.data_dir / "audit" / "certificates.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join([lines[0].replace(b"certificate.issued", b"certificate.ossued"), *lines[1:]])
    )
    assert "certificates.log:1" in world.operate("audit", "verify", fails=True)
    path.write_bytes(b"".join(lines))
