"""The edge, the issuer and the services read one statement of who may call what."""

import json
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from gateway.edge import PUBLIC_SERVICES, contracts
from gateway.edge.auth import auth_filters
from gateway.edge.config import EdgeConfig
from gateway.edge.contracts import ContractError, public_rpcs
from gateway.edge.issuers import Issuer, IssuerError, read_issuers
from gateway.identity import scopes
from services.rpc import caller


def test_every_public_service_is_read() -> None:
    assert {rpc.service for rpc in public_rpcs()} == set(PUBLIC_SERVICES.values())


def test_issuer_offers_every_scope_that_an_rpc_asks_for_and_no_other() -> None:
    asked = {rpc.scope for rpc in public_rpcs() if rpc.scope is not None}
    assert set(scopes.USER_SCOPES) - {"openid"} | {"users:create"} == asked
    assert set(scopes.ALL_SCOPES) == asked | {"openid", caller.ACT_ANY}


def test_public_rpc_without_a_rule_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = (one for one in contracts.PUBLIC_FILES if "tweet" in one.name)
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    (method,) = (one for one in proto.service[0].method if one.name == "CreateTweet")
    method.options.ClearExtension(contracts.access_pb2.access)

    class Method:
        full_name = "aviary.tweet.v1.TweetService.CreateTweet"

        def GetOptions(self) -> descriptor_pb2.MethodOptions:  # noqa: N802 - protobuf's name
            return method.options

    class Service:
        methods = (Method(),)

    class File:
        services_by_name = {"TweetService": Service()}  # noqa: RUF012 - stands in for protobuf's

    monkeypatch.setattr(contracts, "PUBLIC_FILES", (File(),))
    with pytest.raises(ContractError, match="CreateTweet"):
        auth_filters(EdgeConfig())


def test_rpcs_that_nobody_outside_may_call_have_no_policy() -> None:
    text = json.dumps(auth_filters(EdgeConfig()))
    assert "TweetService/CreateTweet" in text
    assert "LookupTweets" not in text


def test_public_reads_name_no_caller() -> None:
    # With public reads on, nobody asks such a call for a scope: its token must not matter.
    for file in contracts.PUBLIC_FILES:
        for service in file.services_by_name.values():
            for method in service.methods:
                access = method.GetOptions().Extensions[contracts.access_pb2.access]
                assert not (access.public_read and caller.caller_field(method)), method.full_name


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


@pytest.mark.parametrize(
    "changes",
    [
        {"may_act_for_anybody": True},
        {"user_claim": None},
        {"user_claim": ""},
        {"audiences": []},
        {"jwks_uri": None},
        {"jwks_file": "/keys.json"},
        {"name": "not a name"},
        {"surprise": 1},
    ],
)
def test_bad_issuer_is_told_with_the_file(tmp_path: Path, changes: dict[str, object]) -> None:
    path = issuer_file(tmp_path, **changes)
    with pytest.raises(IssuerError, match=r"issuers\.json"):
        read_issuers(path)
    path.write_text("{")
    with pytest.raises(IssuerError, match=r"issuers\.json"):
        read_issuers(path)
