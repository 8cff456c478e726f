"""Logging in by OpenID clients that others wrote, at all of Aviary: its edge and its issuer.

openid-client is certified with the OpenID Foundation, by its README, as is its version 5, which is
of other code than 6; idpyoidc takes the place of oidcrp, which is certified. They check of an
issuer what OpenID Connect has a client check, and refuse it for what is amiss.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jws

from tests.clients.certified_client import CertifiedClient, RefusedError, running
from tests.clients.site import SCOPE, Site
from tools.node import ENVIRONMENT, NODE

HERE = Path(__file__).parent
TEST_TIMEOUT_S = 400  # of a test and of Aviary, which the first of them starts
BASIC = "client_secret_basic"
pytestmark = [pytest.mark.clients, pytest.mark.timeout(TEST_TIMEOUT_S)]


@dataclass(frozen=True, slots=True)
class Library:
    """A client's library, and how it names what is amiss."""

    name: str
    program: tuple[Path, Path]
    auths: tuple[str, ...]
    state: str
    nonce: str
    alg: str
    issuer: str


OPENID_CLIENT = Library(
    "openid-client",
    (NODE, HERE / "openid_client" / "client.mjs"),
    ("none", BASIC, "client_secret_post"),
    state='unexpected "state" response parameter value',
    nonce='unexpected ID Token "nonce" claim value',
    alg='unexpected JWT "alg"',
    issuer='unexpected "iss"',
)
OPENID_CLIENT_5 = Library(
    "openid-client-5",
    (NODE, HERE / "openid_client" / "client_5.mjs"),
    ("none", BASIC, "client_secret_post"),
    state="state mismatch, expected",
    nonce="nonce mismatch, expected",
    alg="unexpected JWT alg received, expected RS256, got: ES256",
    issuer="iss mismatch, expected",
)
IDPYOIDC = Library(
    "idpyoidc",
    (ENVIRONMENT / "bin" / "python", HERE / "idpyoidc_client.py"),
    # It knows no client without a secret.
    (BASIC, "client_secret_post"),
    state="Unknown state value",
    nonce="Invalid nonce value",
    alg="Wrong token signing algorithm",
    issuer="Issuer mismatch",
)
LIBRARIES = [OPENID_CLIENT, OPENID_CLIENT_5, IDPYOIDC]
KINDS = [
    pytest.param(library, auth, alg, id=f"{library.name}-{auth}-{alg}")
    for library in LIBRARIES
    for auth in library.auths
    for alg in ("RS256", "ES256")
]


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request: pytest.FixtureRequest) -> Library:
    return request.param


def started(library: Library, app: dict[str, str]) -> AbstractAsyncContextManager[CertifiedClient]:
    return running([str(word) for word in library.program], app)


async def logged_in(client: CertifiedClient, site: Site) -> dict[str, Any]:
    back = await site.logs_in(await client.take("link"))
    return dict(await client.take("come_back", uri=back))


async def refused(client: CertifiedClient, step: str, error: str, **given: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await client.take(step, **given)
    assert caught.value.error == error


@pytest.mark.parametrize(("library", "auth", "alg"), KINDS)
async def test_user_logs_in_refreshes_and_revokes(
    site: Site, library: Library, auth: str, alg: str
) -> None:
    app = site.app(auth, alg)
    async with started(library, app) as client:
        made = await logged_in(client, site)
        assert jws.extract_compact(made["id_token"].encode()).headers()["alg"] == alg
        assert made["claims"]["iss"] == site.issuer
        assert (await client.take("userinfo"))["sub"] == made["claims"]["sub"] == site.user_id
        assert {*made["scope"].split()} == {*SCOPE.split()}
        assert await site.reads_home(made["access_token"]) == 200

        again = await client.take("refresh", refresh_token=made["refresh_token"])
        assert again["refresh_token"] != made["refresh_token"]
        assert again["access_token"] != made["access_token"]
        assert await site.reads_home(again["access_token"]) == 200

        await client.take("revoke", token=again["access_token"])
        await refused(client, "userinfo", "invalid_token")
        await refused(client, "refresh", "invalid_grant", refresh_token=again["refresh_token"])


async def test_rotated_refresh_token_ends_the_session(site: Site, library: Library) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        made = await logged_in(client, site)
        again = await client.take("refresh", refresh_token=made["refresh_token"])
        for token in (made["refresh_token"], again["refresh_token"]):
            await refused(client, "refresh", "invalid_grant", refresh_token=token)
        await refused(client, "userinfo", "invalid_token")


async def test_code_is_good_once_and_its_reuse_ends_the_session(
    site: Site, library: Library
) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        back = await site.logs_in(await client.take("link"))
        await client.take("come_back", uri=back)
        await refused(client, "come_back", "invalid_grant", uri=back)
        await refused(client, "userinfo", "invalid_token")


async def test_denial_comes_back_by_its_name(site: Site, library: Library) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        back = await site.logs_in(await client.take("link"), decision="deny")
        await refused(client, "come_back", "access_denied", uri=back)


async def test_answer_with_another_state_is_refused(site: Site, library: Library) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        back = httpx.URL(await site.logs_in(await client.take("link")))
        with pytest.raises(RefusedError, match=library.state):
            await client.take("come_back", uri=str(back.copy_set_param("state", "another")))
        # The right one still works: nothing was sent to the issuer.
        await client.take("come_back", uri=str(back))


async def test_answer_of_another_issuer_is_refused(site: Site, library: Library) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        back = httpx.URL(await site.logs_in(await client.take("link")))
        with pytest.raises(RefusedError, match=library.issuer):
            await client.take("come_back", uri=str(back.copy_set_param("iss", "http://evil.test")))


async def test_id_token_with_another_nonce_is_refused(site: Site, library: Library) -> None:
    async with started(library, site.app(BASIC, "RS256")) as client:
        back = await site.logs_in(await client.take("link"), nonce="another")
        with pytest.raises(RefusedError, match=library.nonce):
            await client.take("come_back", uri=back)


async def test_id_token_of_another_algorithm_is_refused(site: Site, library: Library) -> None:
    app = {**site.app(BASIC, "ES256"), "alg": "RS256"}
    async with started(library, app) as client:
        back = await site.logs_in(await client.take("link"))
        with pytest.raises(RefusedError, match=library.alg):
            await client.take("come_back", uri=back)
