"""Who is asked for proof of work goes on, with the whole system and at its real difficulty."""

import asyncio
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from services.cli.load.edge_client import EdgeClient
from services.local.operator_file import fetch_token, read_operator
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.connection import open_valkey
from tests.e2e.chromium import Page, chromium
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.test_identity import command, logged_in, register, sign_up
from tests.identity.browser import Browser
from tests.identity.world import PASSWORD

HERE = "ip:127.0.0.1/32"
HOSTILE = 1_000.0
MORE_THAN_THE_HOSTILE_MAY = 15
JITTER = random.Random(0)  # noqa: S311 - guards nothing


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mesh") / "data", AVIARY_EDGE_LIMITS="on")
    yield running
    assert stop(running) == 0


def suspect(mesh: Mesh, who: str) -> None:
    async def score() -> None:
        valkey = open_valkey(mesh.valkey_url("cache"), timeout_s=1.0)
        store = ReputationStore(valkey, SystemClock(), ReputationRules())
        await store.raise_scores({who: HOSTILE})
        await valkey.aclose()

    asyncio.run(score())


def ask_until_refused(url: str, form: dict[str, str]) -> None:
    """Ask without a proof until one is wanted: how much is left of a budget depends on the time."""
    for _ in range(MORE_THAN_THE_HOSTILE_MAY):
        answer = httpx.post(url, data=form)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            break
    assert answer.json()["details"][0]["reason"] == "STEP_UP_REQUIRED"


def test_loaders_client_posts_on_as_a_user_of_bad_reputation(mesh: Mesh) -> None:
    app = register(mesh, "--public")
    handle, user_id = sign_up(mesh)
    token = logged_in(mesh, handle, app)["access_token"]
    suspect(mesh, f"user:{user_id}")

    async def posts() -> int:
        async with EdgeClient(str(mesh.rest.base_url), JITTER, lambda: token) as edge:
            for number in range(5):
                made = await edge.post("/v1/tweets", {"text": str(number)})
                assert made["tweet"]["user_id"] == str(user_id)
            return edge.retried

    assert asyncio.run(posts()) > 0


def test_command_token_goes_on(mesh: Mesh) -> None:
    suspect(mesh, HERE)
    operator = read_operator(mesh.data_dir)
    tokens = {fetch_token(operator) for _ in range(MORE_THAN_THE_HOSTILE_MAY)}
    assert len(tokens) == MORE_THAN_THE_HOSTILE_MAY
    ask_until_refused(f"{mesh.rest.base_url}/oauth/token", {"grant_type": "x"})


@contextmanager
def waiting_app() -> Iterator[tuple[str, list[str]]]:
    """An app on this machine that waits for the browser to come back; gives its address."""
    came: list[str] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>back</title>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), App) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/callback", came
        finally:
            server.shutdown()
            serving.join()


def log_in(page: Page, handle: str, password: str) -> None:
    page.fill("handle", handle)
    page.fill("password", password)
    page.click("button[value=allow]")


@pytest.mark.chromium
def test_person_logs_in_by_a_page_that_is_asked_for_proof(mesh: Mesh, tmp_path: Path) -> None:
    assert shutil.which("chromium"), "apt-get install chromium"
    handle, _ = sign_up(mesh)
    url = str(mesh.rest.base_url)
    with waiting_app() as (redirect, came), chromium(tmp_path / "profile") as page:
        out = command(mesh, "register-app", "Birdwatch", "--public", "--redirect-uri", redirect)
        app = dict(line.split() for line in out.splitlines())
        asked = Browser(httpx.AsyncClient(), app["client_id"], redirect_uri=redirect).asked
        page.go(f"{url}/oauth/authorize?{urlencode(asked)}")
        log_in(page, handle, "a wrong password")
        page.until("document.querySelector('[role=alert]').textContent.startsWith('Wrong')")
        suspect(mesh, HERE)
        ask_until_refused(f"{url}/oauth/log-in", {"client_id": "x"})
        page.until("!document.querySelector('button').disabled")
        log_in(page, handle, PASSWORD)
        page.until("document.title === 'back'")
        (path,) = [one for one in came if one.startswith("/callback")]
        assert parse_qs(urlsplit(path).query).keys() >= {"code", "state", "iss"}
        # A wrong password and a wanted proof are 400 and 429; nothing else was complained of.
        assert {error for error in page.errors if "(Bad Request)" not in error} == {
            "Failed to load resource: the server responded with a status of 429 (Too Many Requests)"
        }
