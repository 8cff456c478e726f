"""What the OpenAPI document says of the issuer's endpoints, against the issuer."""

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from gateway.envoy import own_contracts
from gateway.openapi import openapi_document
from gateway.openapi.issuer import issuer_paths
from services.identity.authorize import OURS
from services.identity.discovery import discovery
from services.identity.spec import HTTP_METHODS
from tests.identity.browser import Browser, sign_up
from tests.identity.world import ISSUER, PASSWORD, World

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    """The document, in which an object has no fields but those that are named."""
    made = openapi_document(own_contracts())
    for schema in made["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return made


def said_of(document: Json, answer: httpx.Response) -> None:
    """Hold an answer to what the document says of it."""
    request = answer.request
    operation = document["paths"][request.url.path][request.method.lower()]
    response = operation["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        assert "location" in answer.headers
        return
    kind = answer.headers["content-type"].partition(";")[0]
    schema = response["content"][kind]["schema"]
    value = answer.json() if kind == "application/json" else answer.text
    if kind == "application/json":
        given = {detail["reason"] for detail in value.get("details", []) if "reason" in detail}
        assert given <= set(response.get("x-reasons", [])), given
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_it_has_every_field_of_discovery(document: Json) -> None:
    properties = document["components"]["schemas"]["IssuerMetadata"]["properties"]
    assert properties.keys() == discovery(ISSUER).keys()


def test_an_authorization_request_has_none_of_the_log_in_pages_fields(document: Json) -> None:
    body = document["paths"]["/oauth/authorize"]["post"]["requestBody"]["content"]
    (form,) = (content["schema"] for content in body.values())
    asked = dict.fromkeys(form["required"], "x") | {
        "response_type": "code",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    check = Draft202012Validator(form)
    assert check.is_valid({**asked, "foo": "ignored"})
    for name in OURS:
        assert not check.is_valid({**asked, name: ""}), name


async def test_it_has_every_route_and_no_other(world: World) -> None:
    served = {
        (route.path, method.lower())
        for route in world.web.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert served == {(path, verb) for path, verbs in issuer_paths().items() for verb in verbs}
    assert served == {
        (path, verb.lower()) for path, verbs in HTTP_METHODS.items() for verb in verbs
    }


async def test_good_answers_are_as_it_says(world: World, document: Json) -> None:
    http = world.http
    said_of(document, await sign_up(http))
    app = await world.app(public=False)
    auth = (app.client_id, app.client_secret or "")
    browser = Browser(http, app.client_id)
    for path in ("/.well-known/openid-configuration", "/oauth/keys", "/oauth/jwks"):
        said_of(document, await http.get(path))
    said_of(document, await http.get("/oauth/app-keys"))
    said_of(document, await browser.page())
    said_of(document, await http.post("/oauth/authorize", data=browser.asked))
    said_of(document, await browser.submit("", "", decision="deny"))
    made = await browser.exchange(await browser.code(), client_secret=app.client_secret or "")
    said_of(document, made)
    own = {"grant_type": "client_credentials"}
    said_of(document, await http.post("/oauth/token", data=own, auth=auth))
    bearer = {"authorization": f"Bearer {made.json()['access_token']}"}
    for method in ("GET", "POST"):
        said_of(document, await http.request(method, "/oauth/userinfo", headers=bearer))
    change = {"password": PASSWORD, "new_password": f"{PASSWORD} 2"}
    said_of(document, await http.post("/oauth/password", json=change, headers=bearer))
    revoked = {"token": made.json()["refresh_token"]}
    said_of(document, await http.post("/oauth/revoke", data=revoked, auth=auth))


async def test_refusals_are_as_it_says(world: World, document: Json) -> None:
    http = world.http
    await sign_up(http)
    browser = Browser(http, (await world.app()).client_id)
    as_script = {"accept": "application/json"}
    for answer in (
        await sign_up(http),
        await sign_up(http, handle="no handle"),
        await sign_up(http, handle="admin"),
        await sign_up(http, handle="bob", password="password123"),  # noqa: S106 - a weak one
        await http.post("/oauth/password", json={}),
        await http.get("/oauth/userinfo"),
        await http.get("/oauth/userinfo", params={"access_token": "x"}),
        await Browser(http, "nobody").page(),
        await Browser(http, browser.asked["client_id"], prompt="none").page(),
        await http.post("/oauth/authorize", json={}),
        await browser.submit("ada", "wrong password"),
        await http.post("/oauth/log-in", data={"decision": "allow"}, headers=as_script),
        await http.post("/oauth/log-in", json={}),
        await http.post("/oauth/token", json={}),
        await http.post("/oauth/token", data={"grant_type": "x"}),
        await http.post("/oauth/token", data={"grant_type": "x" * 20_000}),
        await http.post("/oauth/token", data={"grant_type": "client_credentials"}),
        await http.post("/oauth/revoke", data={"token": "x"}),
    ):
        assert answer.status_code >= 300
        said_of(document, answer)


@pytest.mark.parametrize("path", issuer_paths())
async def test_other_methods_are_not_taken(world: World, path: str) -> None:
    for verb in {"get", "put", "post", "delete", "patch"} - issuer_paths()[path].keys():
        answer = await world.http.request(verb.upper(), path)
        assert answer.status_code == 405, (verb, answer.text)
        allowed = {each.lower() for each in re.split(", ?", answer.headers["allow"])}
        assert allowed - {"head"} == issuer_paths()[path].keys()


def test_proofs_of_work_and_api_keys_have_their_places(document: Json) -> None:
    asked = {
        operation["operationId"]
        for verbs in document["paths"].values()
        for operation in verbs.values()
        if {"$ref": "#/components/parameters/ProofOfWork"} in operation.get("parameters", [])
    }
    assert asked == {"CreateTweet", "CreateUser", "SignUp", "LogIn", "IssueToken", "ChangePassword"}
    scheme = document["components"]["securitySchemes"]["appKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-api-key")
    for verbs in document["paths"].values():
        assert all("429" in operation["responses"] for operation in verbs.values())
