"""The issuer on real rows, a real listener and the real user service, with a clock to move."""

import asyncio
import base64
import hashlib
import html
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette

from services.identity.accounts import Accounts
from services.identity.app_keys import AppKeys
from services.identity.bearer import Bearers
from services.identity.devices import Devices
from services.identity.guesses import Guesses
from services.identity.http import application
from services.identity.keys import Keyring, Keyrings
from services.identity.listener import Listener
from services.identity.oauth_clients import Clients, Registered
from services.identity.oauth_server import OAuthServer
from services.identity.passwords import Passwords
from services.identity.ports import Account
from services.identity.revocations import Revocations
from services.identity.sessions import Sessions
from services.identity.spec import TABLES
from services.identity.store import IdentityStore
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.rows.port import RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.tokens.lives import APP_KEY_S
from services.platform.tokens.revocations import Revocable, RevokedList
from services.user.service import UserService
from tests.identity.rsa_keys import rsa_keyring
from tests.unit.user_world import CrashingRows, MovableClock, user_world
from tests.unit.user_world import World as Users

ISSUER = "http://127.0.0.1:8080"
REDIRECT = "http://127.0.0.1:9999/callback"
PASSWORD = "correct horse battery"  # noqa: S105 - of a test
OPERATOR_SECRET = "5e" * 32
SEALING_KEY = b"k" * 32


class Events(list[tuple[str, dict[str, Any]]]):
    """An audit log in memory."""

    def record(self, event: str, /, **facts: Any) -> None:
        self.append((event, facts))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self if name == event]


class Directory:
    """The user service, without the wire between."""

    def __init__(self, service: UserService) -> None:
        self.service = service

    async def create(self, handle: str, display_name: str, request_id: str) -> Account:
        user = await self.service.create(handle, display_name, request_id=request_id)
        return Account(user.user_id, user.handle)

    async def by_handle(self, handle: str) -> Account | None:
        try:
            user = await self.service.get_by_handle(handle)
        except (NotFoundError, InvalidArgumentError):
            return None
        return Account(user.user_id, user.handle)

    async def by_id(self, user_id: int) -> Account | None:
        try:
            user = await self.service.get(user_id)
        except NotFoundError:
            return None
        return Account(user.user_id, user.handle)


class Edges(dict[Revocable, dict[str, int]]):
    """What was published to edges as revoked."""

    async def add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        self.setdefault(kind, {}).update(until_ms)

    async def restore(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        await self.add(kind, until_ms)


class Later:
    """The issuer's application, which is put together once it is known where it is to answer."""

    application: Starlette
    running: asyncio.Event
    """Cleared, it hangs: it takes connections and requests, and answers none."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.running.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.running.wait()
        await self.application(scope, receive, send)


@dataclass
class World:
    users: Users
    rows: SqliteRowStore
    clock: MovableClock
    audit: Events
    store: IdentityStore
    accounts: Accounts
    clients: Clients
    app_keys: AppKeys
    keyring: Keyring
    id_keyring: Keyring
    app_keyring: Keyring
    sessions: Sessions
    revocations: Revocations
    edges: Edges
    passwords: Passwords
    http: httpx.AsyncClient
    issuer: str
    web: Starlette
    running: asyncio.Event

    def dying(self, at: int, *, after: bool) -> tuple[Accounts, CrashingRows]:
        """Another process's accounts, whose store dies at its write number `at`."""
        rows = CrashingRows(self.rows, at, after=after)
        return self.others(rows), rows

    def others(self, rows: RowStore | None = None, users: UserService | None = None) -> Accounts:
        store = IdentityStore(rows or self.rows)
        directory = Directory(users or self.users.service)
        return Accounts(
            store=store,
            sessions=self.sessions,
            revocations=self.revocations,
            users=directory,
            passwords=self.passwords,
            guesses=Guesses(store, self.clock),
            devices=Devices(store, self.clock),
            clock=self.clock,
            audit=self.audit,
        )

    async def app(self, *, public: bool = True) -> Registered:
        return await self.clients.register("Birdwatch", [REDIRECT], public=public)


@asynccontextmanager
async def identity_world(
    folder: Path, edges: RevokedList | None = None, *, at_its_address: bool = False
) -> AsyncIterator[World]:
    """Start an issuer: named `ISSUER`, or by the address where it answers, as clients want it."""
    async with user_world(folder) as users:
        rows = SqliteRowStore(folder / "identity.db", TABLES, users.clock)
        await rows.open()
        later = Later()
        listener = Listener("127.0.0.1:0", later)  # type: ignore[arg-type]
        await listener.start()
        address = f"http://127.0.0.1:{listener.port}"
        issuer = address if at_its_address else ISSUER
        clock, audit, store = users.clock, Events(), IdentityStore(rows)
        directory, passwords, published = Directory(users.service), Passwords(), Edges()
        revocations = Revocations(store, edges or published, clock)
        sessions = Sessions(store, revocations, clock, audit)
        accounts = Accounts(
            store=store,
            sessions=sessions,
            revocations=revocations,
            users=directory,
            passwords=passwords,
            guesses=Guesses(store, clock),
            devices=Devices(store, clock),
            clock=clock,
            audit=audit,
        )
        clients = Clients(store, clock, audit)
        await clients.ensure_operator(OPERATOR_SECRET)
        keyring = Keyring(store.keys, lambda: [SEALING_KEY], clock, audit)
        await keyring.refresh()
        id_keyring = await rsa_keyring(store, [SEALING_KEY], clock, audit)
        app_keyring = Keyring(
            store.app_key_signers, lambda: [SEALING_KEY], clock, audit, signed_lives_s=APP_KEY_S
        )
        await app_keyring.refresh()
        app_keys = AppKeys(issuer, store, app_keyring, clock, audit)
        keyrings = Keyrings(keyring, id_keyring, app_keyring)
        server = OAuthServer(
            issuer=issuer,
            store=store,
            sessions=sessions,
            users=directory,
            keyrings=keyrings,
            clock=clock,
            audit=audit,
        )
        bearers = Bearers(issuer, keyring, sessions, directory)
        later.application = application(server, accounts, bearers, keyrings)
        async with httpx.AsyncClient(base_url=address) as http:
            yield World(
                *(users, rows, clock, audit, store, accounts, clients, app_keys),
                *(
                    keyring,
                    id_keyring,
                    app_keyring,
                    sessions,
                    revocations,
                    published,
                    passwords,
                    http,
                    issuer,
                    later.application,
                    later.running,
                ),
            )
        await listener.stop()
        await rows.close()


def hidden_fields(page: str) -> dict[str, str]:
    """What a browser sends of the page's form that nobody typed."""
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


class Browser:
    """A person at the log-in page, and the app that sent them there."""

    def __init__(self, http: httpx.AsyncClient, app: str, **changes: str | None) -> None:
        self.http = http
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": app,
            "redirect_uri": REDIRECT,
            "scope": "openid timeline:read tweets:write",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        self.asked = {name: value for name, value in asked.items() if value is not None}

    async def page(self) -> httpx.Response:
        return await self.http.get("/oauth/authorize", params=self.asked)

    async def submit(self, handle: str, password: str, **changes: str) -> httpx.Response:
        page = await self.page()
        assert page.status_code == 200, page.text
        form = {
            **hidden_fields(page.text),
            "handle": handle,
            "password": password,
            "decision": "allow",
            **changes,
        }
        return await self.http.post("/oauth/log-in", data=form)

    async def code(self, handle: str = "ada", password: str = PASSWORD) -> str:
        answer = await self.submit(handle, password)
        assert answer.status_code == 303, answer.text
        back = sent_back(answer)
        assert back.get("state", "") == self.asked.get("state", "")
        assert back["iss"]
        return back["code"]

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.asked["redirect_uri"],
            "client_id": self.asked["client_id"],
            "code_verifier": self.verifier,
            **changes,
        }
        return await self.http.post("/oauth/token", data=form)

    async def refresh(self, token: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.asked["client_id"],
            **changes,
        }
        return await self.http.post("/oauth/token", data=form)

    async def tokens(self) -> dict[str, Any]:
        answer = await self.exchange(await self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def sent_back(answer: httpx.Response) -> dict[str, str]:
    where = answer.headers["location"]
    assert where.startswith("http://127.0.0.1:"), where
    return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


async def sign_up(http: httpx.AsyncClient, handle: str = "ada", **changes: Any) -> httpx.Response:
    body = {"handle": handle, "display_name": handle.title(), "password": PASSWORD, **changes}
    return await http.post("/oauth/sign-up", json=body)
