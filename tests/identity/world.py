"""The issuer on real rows, a real listener and the real user service, with a clock to move."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from services.identity.accounts import Accounts
from services.identity.app_keys import AppKeys
from services.identity.bearer import Bearers
from services.identity.devices import Devices
from services.identity.guesses import Guesses
from services.identity.http import application
from services.identity.keys import Keyring, Keyrings
from services.identity.oauth_clients import Clients, Registered
from services.identity.oauth_server import OAuthServer
from services.identity.passwords import Passwords
from services.identity.ports import Account
from services.identity.revocations import Revocations
from services.identity.sessions import Sessions
from services.identity.spec import TABLES
from services.identity.store import IdentityStore
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.http.listener import Listener
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
