"""The OpenAPI document against the contracts that it is made of."""

from typing import Any

import pytest
from aviary.notification.v1.notification_pb2 import NotificationKind
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from openapi_spec_validator import validate

from gateway.envoy import GENERATED, own_contracts
from gateway.envoy.contracts import ContractError, Contracts
from gateway.openapi import openapi_document, to_json
from gateway.openapi.issuer import issuer_paths
from gateway.openapi.named_errors import errors_named
from gateway.openapi.operations import success
from gateway.openapi.page import to_html

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi_document(own_contracts())


def test_it_is_valid_and_the_same_each_time(document: Json) -> None:
    validate(document)
    assert to_json(document) == to_json(openapi_document(own_contracts()))
    assert to_json(document) == (GENERATED / "openapi.json").read_text()


def test_each_public_rpc_is_an_operation_and_no_other_is(document: Json) -> None:
    operations = {
        (verb.upper(), path, operation["operationId"])
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if path not in issuer_paths()
    }
    public = own_contracts().public
    assert operations == {(rpc.verb, rpc.template, rpc.method) for rpc in public}
    assert "LookupTweets" not in to_json(document)


def test_every_word_of_it_is_explained(document: Json) -> None:
    for verbs in document["paths"].values():
        for operation in verbs.values():
            assert operation["summary"]
            assert not {"INVALID_ARGUMENT", "NOT_FOUND"} & set(operation["description"].split())
    for schema in document["components"]["schemas"].values():
        assert schema["description"]
        assert all(one.get("description") or "$ref" in one for one in schema["properties"].values())


def body_of(document: Json, path: str, verb: str = "post") -> Json:
    content = document["paths"][path][verb]["requestBody"]["content"]
    schema: Json = content["application/json"]["schema"]
    return schema


def parameters_of(document: Json, path: str, verb: str = "get") -> dict[str, Json]:
    found = document["paths"][path][verb]["parameters"]
    return {one["name"]: one for one in found if "name" in one}


def test_limits_are_those_of_the_contract(document: Json) -> None:
    handle = body_of(document, "/v1/users")["properties"]["handle"]
    assert (handle["minLength"], handle["maxLength"]) == (1, 15)
    assert handle["pattern"] == "^[A-Za-z0-9_]+$"
    limit = parameters_of(document, "/v1/timeline/home")["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"]) == (0, 200)
    followees = body_of(document, "/v1/follows")["properties"]["followee_ids"]
    assert (followees["minItems"], followees["maxItems"]) == (1, 1000)
    assert followees["items"]["minimum"] == 1


def test_only_the_end_user_may_be_left_out_of_what_is_required(document: Json) -> None:
    assert body_of(document, "/v1/follow")["required"] == ["followee_id"]
    assert body_of(document, "/v1/users")["required"] == ["handle", "display_name"]
    home = parameters_of(document, "/v1/timeline/home")
    assert [name for name, one in home.items() if one["required"]] == []
    user = parameters_of(document, "/v1/timeline/user")
    assert [name for name, one in user.items() if one["required"]] == ["user_id"]
    # 0 is the same as nothing there, and in a path it is nobody.
    assert home["user_id"]["schema"]["pattern"].startswith("^(0|")
    assert body_of(document, "/v1/follow")["properties"]["follower_id"]["minimum"] == 0
    assert body_of(document, "/v1/follow")["properties"]["followee_id"]["minimum"] == 1
    deleted = parameters_of(document, "/v1/users/{user_id}", "delete")["user_id"]
    assert deleted["schema"]["pattern"].startswith("^[1-9]")
    # What is in the path is always there.
    assert parameters_of(document, "/v1/users/{user_id}", "delete")["user_id"]["required"]
    assert "user_id" not in body_of(document, "/v1/users/{user_id}", "patch")["properties"]


def test_each_operation_states_who_may_call_it(document: Json) -> None:
    for rpc in own_contracts().public:
        operation = document["paths"][rpc.template][rpc.verb.lower()]
        scopes = [one["oauth2"] for one in operation["security"]]
        assert scopes == ([] if rpc.scope is None else [[rpc.scope]])
        assert ("401" in operation["responses"]) == (rpc.scope is not None)
        flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
        assert {scope for one in scopes for scope in one} <= flow["scopes"].keys()


def test_errors_are_those_that_the_comment_names(document: Json) -> None:
    follow = document["paths"]["/v1/follow"]["post"]["responses"]
    assert (
        "PERMISSION_DENIED (BLOCKED): one of them blocks the other."
        in (follow["403"]["description"])
    )
    assert follow["404"]["description"] == "NOT_FOUND (USER_NOT_FOUND): either user."
    assert follow["404"]["x-reasons"] == ["USER_NOT_FOUND"]
    assert {"EDGE_OUT_OF_ORDER", "INVALID_FIELD"} <= set(follow["400"]["x-reasons"])
    assert {"BLOCKED", "NOT_THE_CALLER"} <= set(follow["403"]["x-reasons"])
    assert "409" not in follow
    follows = document["paths"]["/v1/follows"]["post"]["responses"]
    assert follows["404"]["description"].endswith(": the first user who does not exist.")
    assert "409" in document["paths"]["/v1/users"]["post"]["responses"]


def test_an_error_of_ones_own_keeps_those_that_any_operation_can_give(document: Json) -> None:
    refused = document["paths"]["/v1/tweets/{tweet_id}"]["delete"]["responses"]["403"]
    assert {"NOT_THE_AUTHOR", "NOT_THE_CALLER"} <= set(refused["x-reasons"])
    assert "The token lacks the scope" in refused["description"]


def test_a_json_body_has_no_names_but_those_that_are_given(document: Json) -> None:
    bodies = [
        content["schema"]
        for verbs in document["paths"].values()
        for operation in verbs.values()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
    ]
    assert len(bodies) > 2
    for body in bodies:
        assert body["additionalProperties"] is False
        assert "propertyNames" not in body


def test_answers_name_their_headers(document: Json) -> None:
    for verbs in document["paths"].values():
        for operation in verbs.values():
            for response in operation["responses"].values():
                shared = response.get("$ref", "").rpartition("/")[2]
                whole = document["components"]["responses"][shared] if shared else response
                assert {"x-request-id", "x-rate-limit-remaining"} <= whole["headers"].keys()
    assert document["components"]["headers"]["x-request-id"]["required"]
    assert "retry-after" in document["components"]["responses"]["TooManyRequests"]["headers"]


@pytest.mark.parametrize("named", ["NOT_FOUND", "NOT_FOUND (HANDLE_TAKEN)", "NOT_FOUND (NOBODY)"])
def test_a_comment_must_name_a_reason_that_goes_with_its_code(named: str) -> None:
    with pytest.raises(ContractError, match="no reason of that code"):
        list(errors_named(f"Does it. {named}: it is not there."))


def test_what_is_deprecated_is_so_in_the_document_too() -> None:
    files = FileDescriptorSet.FromString((GENERATED / "descriptor.pb").read_bytes())
    fields = {
        f"{message.name}.{field.name}": field
        for file in files.file
        for message in file.message_type
        for field in message.field
    }
    for name in ("User.handle", "CreateUserRequest.request_id", "ListFollowersRequest.limit"):
        fields[name].options.deprecated = True
    (service,) = (s for f in files.file for s in f.service if s.name == "UserService")
    service.method[0].options.deprecated = True
    document = openapi_document(Contracts(files.SerializeToString()))
    validate(document)
    assert document["paths"]["/v1/users"]["post"]["deprecated"]
    assert body_of(document, "/v1/users")["properties"]["request_id"]["deprecated"]
    assert parameters_of(document, "/v1/users/{user_id}/followers")["limit"]["deprecated"]
    assert document["components"]["schemas"]["User"]["properties"]["handle"]["deprecated"]
    assert to_html(document).count("deprecated</b>") >= 3
    # Nothing is that is public today.
    assert "deprecated" not in to_json(openapi_document(own_contracts()))


def links_of(document: Json, path: str, verb: str) -> dict[str, Json]:
    answers = document["paths"][path][verb]["responses"]
    found: dict[str, Json] = answers[success(answers)]["links"]
    return found


def test_what_makes_something_says_where_it_is(document: Json) -> None:
    for path in ("/v1/tweets", "/v1/users"):
        answers = document["paths"][path]["post"]["responses"]
        assert "200" not in answers
        assert answers["201"]["headers"]["Location"]["$ref"].endswith("/Location")
    assert "201" not in document["paths"]["/v1/follow"]["post"]["responses"]


def test_answers_lead_to_what_can_be_asked_next(document: Json) -> None:
    made = links_of(document, "/v1/tweets", "post")
    assert made["DeleteTweet"] == {
        "operationId": "DeleteTweet",
        "parameters": {"path.tweet_id": "$response.body#/tweet/tweet_id"},
    }
    reads = {"GetTweet", "GetConversation", "ListLikers", "ListRetweeters"}
    assert {*reads, "DeleteTweet"} == made.keys()
    assert "ListFollowers" in links_of(document, "/v1/users", "post")
    home = links_of(document, "/v1/timeline/home", "get")
    assert home["GetTweet"]["parameters"] == {"path.tweet_id": "$response.body#/tweets/0/tweet_id"}
    assert home["NextPage"]["parameters"] == {
        "query.cursor": "$response.body#/next_cursor",
        "query.expansions": "$request.query.expansions",
        "query.since_id": "$request.query.since_id",
        "query.user_id": "$request.query.user_id",
    }
    back = home["PreviousPage"]["parameters"]
    assert back == home["NextPage"]["parameters"] | {
        "query.cursor": "$response.body#/previous_cursor"
    }
    followers = links_of(document, "/v1/users/{user_id}/followers", "get")
    assert "PreviousPage" not in followers
    assert followers["NextPage"]["parameters"]["path.user_id"] == "$request.path.user_id"
    assert "DeleteUser" not in followers


def test_what_an_answer_always_has_is_required(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["GetHomeTimelineResponse"]["required"] == ["tweets"]
    assert schemas["Tweet"]["properties"]["tweet_id"]["type"] == "string"
    assert "required" not in schemas["FollowResponse"]


def test_an_enum_is_said_by_its_names(document: Json) -> None:
    kind = document["components"]["schemas"]["Notification"]["properties"]["kind"]
    assert kind["type"] == "string"
    assert kind["enum"] == list(NotificationKind.keys())


def test_a_half_public_rpc_is_refused() -> None:
    files = FileDescriptorSet.FromString((GENERATED / "descriptor.pb").read_bytes())
    (file,) = (one for one in files.file if one.name == "aviary/tweet/v1/tweet_service.proto")
    file.service[0].method[0].ClearField("options")
    Contracts(files.SerializeToString()).public  # noqa: B018 - an RPC with neither is internal
    half = file.service[0].method[1].options
    for extension in list(half.Extensions):
        if extension.full_name == "aviary.edge.v1.access":
            half.ClearExtension(extension)
    with pytest.raises(ContractError, match="GetTweet has only one of a path and an access rule"):
        Contracts(files.SerializeToString()).public  # noqa: B018 - reading it is the check


def test_two_messages_of_one_name_are_refused() -> None:
    files = FileDescriptorSet.FromString((GENERATED / "descriptor.pb").read_bytes())
    for file in files.file:
        for message in file.message_type:
            if message.name == "User":
                message.name = "Tweet"
            for field in message.field:
                if field.type_name == ".aviary.user.v1.User":
                    field.type_name = ".aviary.user.v1.Tweet"
    with pytest.raises(ValueError, match="would share a name"):
        openapi_document(Contracts(files.SerializeToString()))
