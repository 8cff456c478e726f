"""The real Envoy in front of the real issuer: keys fetched, rotated, and the issuer's own paths."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from joserfc import jws, jwt

from services.identity.guesses import FREE_GUESSES
from services.identity.operator_client import HANDLE_TOKEN_TYPE, TOKEN_EXCHANGE
from services.platform.security.denials import edge_decisions
from services.platform.security.step_up import PROVEN_HEADER
from services.platform.tokens.issuers import embedded_issuer
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_edge import assert_error
from tests.identity.browser import Browser
from tests.identity.browser import sign_up as sign_up_at
from tests.identity.world import (
    ISSUER,
    OPERATOR_SECRET,
    PASSWORD,
    World,
    identity_world,
)

HOME = "/v1/timeline/home?user_id={}"
JWKS_CACHE_S = 1
READS = 50
DEADLINE_S = 20


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with identity_world(tmp_path) as made:
        yield made


async def token(world: World, handle: str | None = None, **form: str) -> str:
    wanted = {"grant_type": "client_credentials", **form}
    if handle is not None:
        wanted |= {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": handle,
            "subject_token_type": HANDLE_TOKEN_TYPE,
        }
    auth = ("operator", OPERATOR_SECRET)
    answer = await world.http.post("/oauth/token", data=wanted, auth=auth)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@asynccontextmanager
async def edge_before(
    world: World, shown: str | None = None, **changes: Any
) -> AsyncIterator[Edge]:
    """An edge that is ready when it takes a token, `shown` or one that is made."""
    port = world.http.base_url.port
    issuer = embedded_issuer(ISSUER, jwks_cache_s=JWKS_CACHE_S)
    edge_of_it = running_edge(
        shown or await token(world),
        issuers=(issuer,),
        identity_http=f"127.0.0.1:{port}",
        # Without the limiter, sign-ups would be refused.
        limits=False,
        **changes,
    )
    async with edge_of_it as edge:
        yield edge


async def home(edge: Edge, token: str, user_id: int = 1) -> httpx.Response:
    bearer = {"authorization": f"Bearer {token}"}
    return await edge.client.get(HOME.format(user_id), headers=bearer)


def claims_in(token: str) -> bytes:
    body = token.split(".")[1]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - it is another process that changes
            await asyncio.sleep(0.02)


async def test_user_logs_in_and_calls_through_the_edge(world: World) -> None:
    async with edge_before(world) as edge:
        made = await sign_up_at(edge.client)
        assert made.status_code == 200, made.text
        app = await world.app()
        tokens = await Browser(edge.client, app.client_id).tokens()
        answer = await home(edge, tokens["access_token"])
        assert answer.status_code == 200, answer.text
        seen = edge.timelines.metadata
        assert (seen["x-user-id"], seen["x-client-id"]) == ("1", app.client_id)
        assert "act:any" not in seen["x-scope"]
        # An ID token is for the app: it opens nothing here.
        assert (await home(edge, tokens["id_token"])).status_code == 401
        said = (await edge.client.get("/.well-known/openid-configuration")).json()
        assert said["issuer"] == ISSUER
        for path in ("/oauth/jwks", "/oauth/keys"):
            assert (await edge.client.get(path)).json()["keys"]


async def test_key_of_id_tokens_signs_nothing_that_the_edge_takes(world: World) -> None:
    good = await token(world)
    header, claims = jws.extract_compact(good.encode()).headers(), json.loads(claims_in(good))
    stranger = world.id_keyring.signing()
    header |= {"alg": "RS256", "kid": stranger.kid}
    made = jwt.encode(header, claims, stranger, algorithms=["RS256"])
    async with edge_before(world) as edge:
        assert (await home(edge, good)).status_code == 200
        assert (await home(edge, made)).status_code == 401


async def test_nobody_outside_says_that_work_was_proven(world: World) -> None:
    await sign_up_at(world.http)
    app = (await world.app()).client_id
    for _ in range(FREE_GUESSES):
        assert await world.accounts.log_in("ada", "a wrong password", app) is None
    forged = {PROVEN_HEADER: "1"}
    async with edge_before(world) as edge:
        edge.client.headers.update(forged)
        assert (await Browser(edge.client, app).submit("ada", PASSWORD)).status_code == 429
    world.http.headers.update(forged)
    assert (await Browser(world.http, app).submit("ada", PASSWORD)).status_code == 303


async def test_keys_are_rotated_without_a_refused_request(world: World) -> None:
    fetched = 0
    jwks = world.keyring.jwks

    def counted() -> Any:
        nonlocal fetched
        fetched += 1
        return jwks()

    world.keyring.jwks = counted  # type: ignore[method-assign]
    async with edge_before(world) as edge:
        before = await token(world)
        first = world.keyring.signing().kid
        kid, from_ms = await world.keyring.rotate()
        await world.keyring.refresh()
        assert (await home(edge, await token(world))).status_code == 200
        # What the lead is for: every edge has fetched the new key before it signs.
        seen = fetched
        await until(lambda: fetched > seen + 1)
        world.clock.ms = from_ms
        after = await token(world)
        assert world.keyring.signing().kid == kid
        for one in (before, after):
            answer = await home(edge, one)
            assert answer.status_code == 200, answer.text
        world.clock.ms += 961_000
        await world.keyring.refresh()
        assert first not in {key["kid"] for key in jwks()["keys"]}
        seen = fetched
        await until(lambda: fetched > seen + 1)
        assert (await home(edge, await token(world))).status_code == 200


async def test_tokens_are_checked_without_the_issuer_once_its_keys_are_known(world: World) -> None:
    async with running_edge(
        shown := await token(world),
        issuers=(embedded_issuer(ISSUER),),
        identity_http=f"127.0.0.1:{world.http.base_url.port}",
    ) as edge:
        other = await token(world)
        await edge.client.get("/oauth/jwks")
        world.keyring.jwks = None  # type: ignore[assignment, method-assign]
        assert (await home(edge, shown)).status_code == 200
        assert (await home(edge, other)).status_code == 200


async def test_paths_beside_the_issuers_own_reach_nothing(world: World) -> None:
    async with edge_before(world) as edge:
        for path in ("/oauth", "/oauthx/jwks", "/.well-known/other", "/.well-known/"):
            answer = await edge.client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, 5), path
        for path in ("/oauth/nothing", "/oauth/"):
            answer = await edge.client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, 5), path
        # A dot path is what it comes to, with all that is asked there.
        url = edge.client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            b"GET /oauth/../v1/timeline/home HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n"
        )
        answered = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert answered.split()[1] == b"401"


async def test_the_issuer_is_asked_by_head_and_in_any_case(world: World) -> None:
    async with edge_before(world) as edge:
        for path in ("/.well-known/openid-configuration", "/oauth/jwks", "/oauth/authorize"):
            got, head = await edge.client.get(path), await edge.client.head(path)
            assert got.content
            assert (head.status_code, head.content) == (got.status_code, b"")
            for headers in (got.headers, head.headers):
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["cache-control"]
                del headers["date"], headers["x-request-id"]
            assert head.headers == got.headers
        bearer = {"authorization": f"bearer {await token(world)}"}
        assert (await edge.client.get(HOME.format(1), headers=bearer)).status_code == 200
        secret = base64.b64encode(f"operator:{OPERATOR_SECRET}".encode()).decode()
        for scheme in ("Basic", "basic", "BASIC"):
            answer = await edge.client.post(
                "/oauth/token",
                data={"grant_type": "client_credentials"},
                headers={"authorization": f"{scheme} {secret}"},
            )
            assert answer.status_code == 200, answer.text


async def test_a_slash_at_the_end_leads_nowhere(world: World) -> None:
    async with edge_before(world) as edge:
        for path in ("/oauth/jwks/", "/oauth/token/", "/.well-known/openid-configuration/"):
            for method in ("GET", "POST"):
                answer = await edge.client.request(method, path, headers={"host": "evil.example"})
                assert (answer.status_code, answer.json()["code"]) == (404, 5), path
                assert "location" not in answer.headers


def recorded(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


async def test_whom_the_edge_lets_in_is_recorded_for_writes_and_few_reads(
    world: World, tmp_path: Path
) -> None:
    log = tmp_path / "denials.log"
    await sign_up_at(world.http)
    async with edge_before(world, denials_log_path=str(log)) as edge:
        good = await token(world, "ada")
        for _ in range(READS):
            assert (await home(edge, good)).status_code == 200
        by_ada = {"authorization": f"Bearer {good}"}
        posted = await edge.client.post("/v1/tweets", json={"text": "hi"}, headers=by_ada)
        assert posted.status_code == 201, posted.text
        await until(lambda: any(each["rpc"] == "/v1/tweets" for each in recorded(log)))
        # One in a hundred, so a handful: more than half of them is not to be expected in a life.
        assert len(recorded(log)) < READS / 2
        edge_decisions(log, world.audit).read()
    (accepted,) = [each for each in world.audit.of("token.accepted") if each["user"] == "1"]
    assert accepted["client"] == "operator"
    assert accepted["remote"] == "127.0.0.1"
    assert good not in log.read_text()


async def test_what_the_edge_refuses_is_in_the_audit_log(world: World, tmp_path: Path) -> None:
    log = tmp_path / "denials.log"
    await sign_up_at(world.http)
    async with edge_before(world, denials_log_path=str(log)) as edge:
        weak = await token(world, "ada", scope="tweets:read")
        query = {"access_token": weak}
        assert (await home(edge, weak)).status_code == 403
        assert (await edge.client.get("/v1/tweets/1", params={"q": weak})).status_code == 400
        assert (await edge.client.delete("/v1/tweets/1", params=query)).status_code in {400, 401}
        assert (await home(edge, "nonsense")).status_code == 401
        await until(lambda: {401, 403} <= {each["status"] for each in recorded(log)})
        edge_decisions(log, world.audit).read()
    denied = {facts["status"]: facts for facts in world.audit.of("edge.denied")}
    assert denied[403]["rpc"] == "/v1/timeline/home"
    assert (denied[403]["user"], denied[403]["client"]) == ("1", "operator")
    assert denied[403]["remote"] == "127.0.0.1"
    assert denied[401]["rpc"] == denied[403]["rpc"]
    kept = json.dumps(world.audit) + log.read_text()
    assert weak not in kept
    assert PASSWORD not in kept


async def test_what_the_edge_refuses_has_the_shape_of_oauth(world: World) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    asked: list[tuple[str, str, dict[str, str], bytes, int]] = [
        ("POST", "/oauth/token", form, b"x" * 70_000, 413),
        ("POST", "/oauth/revoke?a=b", {"content-type": "text/plain"}, b"x=y", 415),
        ("POST", "/oauth/token", {**form, "content-encoding": "gzip"}, b"x=y", 415),
        ("GET", "/oauth/userinfo", form, b"x=y", 400),
    ]
    async with edge_before(world) as edge:
        for method, path, headers, content, status in asked:
            answer = await edge.client.request(method, path, headers=headers, content=content)
            assert_error(answer, status, 3, oauth="invalid_request")
        # Elsewhere it has not.
        assert_error(await edge.client.post("/v1/tweets", headers=form, content=b"x=y"), 415, 3)
