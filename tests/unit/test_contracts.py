"""The edge, the issuer and the services read one statement of who may call what."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2

from gateway.envoy import public_services
from gateway.envoy.auth import auth_filters
from gateway.envoy.config import EdgeConfig, own_contracts
from gateway.envoy.contracts import ContractError, Contracts
from gateway.envoy.limits import endpoint_limits
from gateway.envoy.matching import class_by_path
from gateway.envoy.public_reads import public_read_filters
from gateway.envoy.shared_limits import READS
from gateway.limits.table import CLASSES
from services.identity import scopes
from services.identity.oauth_clients import READ_SCOPES
from services.platform.rpc import end_user
from services.platform.tokens.issuers import Issuer, IssuerError, read_issuers


def test_every_public_service_is_read() -> None:
    assert {rpc.service for rpc in own_contracts().public} == set(public_services().values())


def test_issuer_offers_every_scope_that_an_rpc_asks_for_and_no_other() -> None:
    asked = {rpc.scope for rpc in own_contracts().public if rpc.scope is not None}
    assert set(scopes.USER_SCOPES) - {"openid"} | {"users:create"} == asked
    assert set(scopes.ALL_SCOPES) == asked | {"openid", end_user.ACT_ANY}


def test_an_app_may_read_in_its_own_name_what_anybody_may() -> None:
    public = {rpc.scope for rpc in own_contracts().public if rpc.public_read}
    assert set(READ_SCOPES) == public


def test_public_rpc_without_a_rule_cannot_be_built() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    files.CopyFrom(own_contracts().files)
    for file in files.file:
        for service in file.service:
            for method in service.method:
                if method.name == "CreateTweet":
                    method.options.ClearExtension(access_pb2.access)
    config = EdgeConfig(contracts=Contracts(files.SerializeToString()))
    with pytest.raises(ContractError, match="CreateTweet"):
        auth_filters(config)


def test_rpcs_that_nobody_outside_may_call_have_no_policy() -> None:
    text = json.dumps(auth_filters(EdgeConfig()))
    assert "TweetService/CreateTweet" in text
    assert "LookupTweets" not in text


def test_public_reads_name_no_end_user() -> None:
    # With public reads on, such a call may come without a token: nothing in it may name one.
    requests = {rpc.request for rpc in own_contracts().public if rpc.public_read}
    named = {
        f"{file.package}.{message.name}"
        for file in own_contracts().files.file
        for message in file.message_type
        for field in message.field
        if field.options.Extensions[access_pb2.caller]
    }
    assert named
    assert not requests & named


def issuer_file(folder: Path, **changes: object) -> Path:
    entry = {
        "name": "other",
        "issuer": "https://other.test",
        "audiences": ["aviary-api"],
        "user_claim": "aviary_user_id",
        "jwks_uri": "https://other.test/jwks",
        **changes,
    }
    path = folder / "issuers.json"
    path.write_text(json.dumps([{k: v for k, v in entry.items() if v is not None}]))
    return path


def test_further_issuers_come_from_a_file(tmp_path: Path) -> None:
    (other,) = read_issuers(issuer_file(tmp_path))
    assert isinstance(other, Issuer)
    assert (other.issuer, other.may_act_for_anybody) == ("https://other.test", False)


def test_an_issuers_keys_lie_beside_the_file(tmp_path: Path) -> None:
    (other,) = read_issuers(issuer_file(tmp_path, jwks_uri=None, jwks_file="keys.json"))
    assert other.jwks_file == str(tmp_path / "keys.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"may_act_for_anybody": True},
        {"user_claim": None},
        {"user_claim": ""},
        {"audiences": []},
        {"jwks_uri": None},
        {"jwks_file": "keys.json"},
        {"jwks_uri": None, "jwks_file": "/keys.json"},
        {"jwks_uri": None, "jwks_file": "../keys.json"},
        {"name": "not a name"},
        {"surprise": 1},
    ],
)
def test_bad_issuer_is_reported_with_the_file(tmp_path: Path, changes: dict[str, object]) -> None:
    path = issuer_file(tmp_path, **changes)
    with pytest.raises(IssuerError, match=r"issuers\.json"):
        read_issuers(path)
    path.write_text("{")
    with pytest.raises(IssuerError, match=r"issuers\.json"):
        read_issuers(path)


def timelines() -> tuple[descriptor_pb2.FileDescriptorSet, dict[str, Any]]:
    """The contracts, and of them the methods of the timeline service by name."""
    files = descriptor_pb2.FileDescriptorSet()
    files.CopyFrom(own_contracts().files)
    (service,) = (
        service
        for file in files.file
        for service in file.service
        if service.name == "TimelineService"
    )
    return files, {method.name: method for method in service.method}


def test_what_gives_the_json_of_an_rpc_has_its_name_and_rules() -> None:
    (home,) = (rpc for rpc in own_contracts().public if rpc.template == "/v1/timeline/home")
    service = "aviary.timeline.v1.TimelineService"
    assert home.name == f"{service}/GetHomeTimeline"
    assert home.response == "aviary.timeline.v1.GetHomeTimelineResponse"
    assert home.paths == (
        f"/{service}/GetHomeTimeline",
        f"/{service}/GetHomeTimelineJson",
        "/v1/timeline/home",
    )
    assert [rpc.method for rpc in own_contracts().public if rpc.method.endswith("Json")] == []
    for filters in (auth_filters, endpoint_limits, public_read_filters):
        text = json.dumps(filters(EdgeConfig()))
        for rpc in own_contracts().public:
            typed, *others = (text.count(json.dumps(path)) for path in rpc.paths)
            assert others in ([], [typed], [typed, typed])


def test_what_keeps_its_path_of_rest_is_a_read_of_its_class() -> None:
    kept = [rpc for rpc in own_contracts().public if rpc.json_path is not None]
    assert kept
    classes = {one.name: one for one in CLASSES}
    for rpc in kept:
        assert rpc.verb == "GET"
        assert "{" not in rpc.template
        assert re.fullmatch(READS, f"{rpc.template}?user_id=1")
        matcher = class_by_path(CLASSES, {each.name: each.paths for each in own_contracts().public})
        begun = matcher["on_no_match"]["matcher"]["matcher_tree"]["prefix_match_map"]["map"]
        named = begun[f"{rpc.template}?"]["action"]["typed_config"]["name"]
        assert rpc.name in classes[named].rpcs


def test_what_is_over_http_is_all_in_its_body() -> None:
    changes = [rpc for rpc in own_contracts().public if rpc.over_http and rpc.verb == "POST"]
    both_ways = ("follow", "block", "mute", "like", "retweet", "bookmark")
    names = ("tweets", *both_ways, *(f"un{name}" for name in both_ways))
    assert {rpc.template for rpc in changes} == {f"/v1/{name}" for name in names}
    assert all(rpc.paths == (f"/{rpc.name}", rpc.template) for rpc in changes)
    for name, value in (("post", "/v1/tweets/{text}"), ("body", "text"), ("body", "")):
        files = descriptor_pb2.FileDescriptorSet()
        files.CopyFrom(own_contracts().files)
        (method,) = (
            method
            for file in files.file
            for service in file.service
            for method in service.method
            if method.name == "CreateTweet"
        )
        setattr(method.options.Extensions[annotations_pb2.http], name, value)
        with pytest.raises(ContractError, match="CreateTweet"):
            _ = Contracts(files.SerializeToString()).public


def test_json_of_what_is_not_like_it_cannot_be_built() -> None:
    def changed(change: Callable[[dict[str, Any]], object]) -> Contracts:
        files, methods = timelines()
        change(methods)
        return Contracts(files.SerializeToString())

    for change in (
        lambda of: setattr(
            of["GetHomeTimelineJson"].options.Extensions[annotations_pb2.http],
            "get",
            "/v1/timeline/{user_id}",
        ),
        lambda of: of["GetHomeTimelineJson"].options.Extensions.__setitem__(
            access_pb2.json_of, "GetNothing"
        ),
        lambda of: of["GetUserTimelineJson"].options.Extensions.__setitem__(
            access_pb2.json_of, "GetHomeTimeline"
        ),
        lambda of: setattr(of["GetHomeTimelineJson"], "output_type", ".aviary.tweet.v1.Tweet"),
        lambda of: setattr(
            of["GetHomeTimelineJson"].options.Extensions[access_pb2.access], "anyone", True
        ),
        lambda of: (
            of["GetHomeTimeline"]
            .options.Extensions[annotations_pb2.http]
            .CopyFrom(of["GetHomeTimelineJson"].options.Extensions[annotations_pb2.http])
        ),
    ):
        with pytest.raises(ContractError, match="Json is the JSON of no RPC"):
            changed(change).public  # noqa: B018 - reading it is the check
