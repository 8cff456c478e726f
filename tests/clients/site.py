"""A running Aviary as an OpenID client's developer has it: an issuer, apps, a person's browser."""

import httpx

from tests.e2e.conftest import Mesh
from tests.e2e.test_identity import register
from tests.identity.browser import hidden_fields
from tests.identity.world import PASSWORD, REDIRECT

__all__ = ["SCOPE", "Site"]

SCOPE = "openid timeline:read"


class Site:
    """The edge of `mesh`, where `handle` has an account."""

    def __init__(self, mesh: Mesh, handle: str, user_id: int) -> None:
        self.mesh = mesh
        self.handle = handle
        self.user_id = str(user_id)
        self.issuer = str(mesh.rest.base_url).rstrip("/")
        self._apps: dict[tuple[bool, str], dict[str, str]] = {}

    def app(self, auth: str, alg: str) -> dict[str, str]:
        """Register an app, or give the one of this kind; as a `certified_client` is told of it."""
        kind = (auth == "none", alg)
        if kind not in self._apps:
            public = ["--public"] if auth == "none" else []
            self._apps[kind] = register(self.mesh, *public, "--id-token-alg", alg)
        return {
            "issuer": self.issuer,
            "client_secret": "",
            **self._apps[kind],
            "auth": auth,
            "alg": alg,
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
        }

    async def logs_in(self, link: str, *, decision: str = "allow", **changed: str) -> str:
        """Open the link, with these parameters changed, and submit the form.

        Gives the URI that the browser is sent back to.
        """
        async with httpx.AsyncClient() as browser:
            page = await browser.get(httpx.URL(link).copy_merge_params(changed))
            assert page.status_code == 200, page.text
            form = {
                **hidden_fields(page.text),
                "handle": self.handle,
                "password": PASSWORD,
                "decision": decision,
            }
            answer = await browser.post(f"{self.issuer}/oauth/log-in", data=form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def reads_home(self, access_token: str) -> int:
        """Read the user's timeline through the edge; gives the status."""
        headers = {"authorization": f"Bearer {access_token}"}
        async with httpx.AsyncClient() as app:
            answer = await app.get(f"{self.issuer}/v1/timeline/home", headers=headers)
        return answer.status_code
