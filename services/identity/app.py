"""The embedded issuer, and what operators do to it."""

import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aviary.identity.v1 import key_set_service_pb2

from services.identity import keys
from services.identity.accounts import RESUME_POLL_S, Accounts
from services.identity.app_keys import AppKeys
from services.identity.apps import Apps
from services.identity.bearer import Bearers
from services.identity.clients import AccountClient
from services.identity.consumers import IdentityConsumers
from services.identity.devices import Devices
from services.identity.guesses import Guesses
from services.identity.http import application
from services.identity.keys import RSA_ALGORITHM, SEALING_KEY_BYTES, Keyring, Keyrings
from services.identity.oauth_clients import Clients
from services.identity.oauth_server import OAuthServer
from services.identity.passwords import Passwords
from services.identity.revocations import POLL_S as REVOCATIONS_POLL_S
from services.identity.revocations import Revocations
from services.identity.servicer import KeySetServicer
from services.identity.sessions import Sessions
from services.identity.spec import ERASURE, SEALING_KEY_FILE, SPEC
from services.identity.store import IdentityStore
from services.platform.audit.port import Audit
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.composition.security import listener_tls
from services.platform.config.secret_keys import SecretKeys
from services.platform.config.settings import Settings
from services.platform.files import owner_only
from services.platform.files.whole_file import write_whole
from services.platform.http.listener import Listener
from services.platform.rpc.method_handlers import Servicer
from services.platform.tokens.lives import APP_KEY_S
from services.platform.tokens.revoked_store import RevokedStore

__all__ = ["IdentityAdmin", "build", "identity_admin", "take_operator_secret"]

OPERATORS = "operator"
"""The audit log of commands."""
SECRET_POLL_S = 5.0
"""Between looks whether the operator's secret is another: the read of one row."""


@dataclass(frozen=True, slots=True)
class IdentityAdmin:
    """What operators change."""

    clients: Clients
    apps: Apps
    app_keys: AppKeys
    keyrings: Keyrings
    audit: Audit


async def build(deps: Dependencies) -> Served:
    """Serve OAuth over HTTP, and over gRPC the public keys, for the gateway."""
    # What this process makes is for nobody else to read: it holds the hashes of passwords.
    owner_only.umask()
    # At debug level authlib writes tokens into its log.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    settings, audit = deps.settings, deps.audit()
    store = IdentityStore(await deps.rows(SPEC.name, SPEC.tables))
    users = await deps.client("user", AccountClient)
    revocations = Revocations(store, RevokedStore(deps.valkey(), deps.clock), deps.clock)
    sessions = Sessions(store, revocations, deps.clock, audit)
    accounts = Accounts(
        store=store,
        sessions=sessions,
        revocations=revocations,
        users=users,
        passwords=Passwords(),
        guesses=Guesses(store, deps.clock),
        devices=Devices(store, deps.clock),
        clock=deps.clock,
        audit=audit,
    )
    keyrings = _keyrings(store, deps, audit)
    await keyrings.tokens.refresh()
    await keyrings.id_tokens.refresh()
    # Made now, so that edges know it before the first API key is.
    await keyrings.app_keys.refresh()
    await _keep_operator(deps, store, audit)
    if settings.web_redirect_uris:
        await Clients(store, deps.clock, audit).ensure_web(settings.web_redirect_uris)
    server = OAuthServer(
        issuer=settings.issuer_url,
        store=store,
        sessions=sessions,
        users=users,
        keyrings=keyrings,
        clock=deps.clock,
        audit=audit,
    )
    bearers = Bearers(settings.issuer_url, keyrings.tokens, sessions, users)
    for name, step, every_s in (
        ("token-keys", keyrings.tokens.refresh_or_warn, keys.POLL_S),
        ("id-token-keys", keyrings.id_tokens.refresh_or_warn, keys.POLL_S),
        ("app-key-keys", keyrings.app_keys.refresh_or_warn, keys.POLL_S),
        ("sign-ups", accounts.resume_or_warn, RESUME_POLL_S),
        ("revocations", revocations.publish_or_warn, REVOCATIONS_POLL_S),
    ):
        deps.loops.run(name, step, every_s=every_s)
    await deps.consume(ERASURE, IdentityConsumers(accounts, users).user_deleted)
    web = application(server, accounts, bearers, keyrings)
    tls = await listener_tls(SPEC, settings, deps.security, deps.loops)
    listener = Listener(settings.identity_http_address, web, tls)
    await deps.loops.opened("identity-http", listener, intake=True)
    return [Servicer(service_of(key_set_service_pb2.DESCRIPTOR), KeySetServicer(keyrings))]


@asynccontextmanager
async def identity_admin(settings: Settings) -> AsyncIterator[IdentityAdmin]:
    """Open the issuer's store next to the running issuer."""
    owner_only.umask()
    async with AsyncExitStack() as stack:
        deps = Dependencies(SPEC, settings, stack)
        store = IdentityStore(await deps.rows(SPEC.name, SPEC.tables))
        audit = deps.audit(OPERATORS)
        keyrings = _keyrings(store, deps, audit)
        app_keys = AppKeys(settings.issuer_url, store, keyrings.app_keys, deps.clock, audit)
        yield IdentityAdmin(
            Clients(store, deps.clock, audit),
            Apps(store, app_keys, audit),
            app_keys,
            keyrings,
            audit,
        )


def _keyrings(store: IdentityStore, deps: Dependencies, audit: Audit) -> Keyrings:
    keys, clock = _sealing_keys(deps, audit), deps.clock
    return Keyrings(
        Keyring(store.keys, keys, clock, audit),
        Keyring(store.id_token_keys, keys, clock, audit, algorithm=RSA_ALGORITHM),
        Keyring(store.app_key_signers, keys, clock, audit, signed_lives_s=APP_KEY_S),
    )


def _sealing_keys(deps: Dependencies, audit: Audit) -> SecretKeys:
    """Take the keys from the settings, or from a file that is made once."""
    secret = deps.settings.identity_key
    if secret.value is None and secret.path is None:
        path = deps.settings.data_dir / SEALING_KEY_FILE
        if not path.exists():
            _make_once(path, secrets.token_hex(SEALING_KEY_BYTES).encode())
        secret = replace(secret, path=path)
    keys = deps.secret(secret, audit)
    assert keys is not None  # noqa: S101 - it has a value or a file
    return keys


def _make_once(path: Path, content: bytes) -> None:
    """Make a file that is whole or absent, unless another process has; its owner's alone."""
    own = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_whole(own, content)
        with suppress(FileExistsError):
            path.hardlink_to(own)
    finally:
        own.unlink(missing_ok=True)


async def _keep_operator(deps: Dependencies, store: IdentityStore, audit: Audit) -> None:
    """Have the operator's client go by the secret, if there is one, and by those after it."""
    secret = deps.secret(deps.settings.operator_secret, audit)
    if secret is None:
        return
    clients = Clients(store, deps.clock, audit)
    await take_operator_secret(clients, secret)
    deps.loops.run(
        "operator-secret", partial(take_operator_secret, clients, secret), every_s=SECRET_POLL_S
    )


async def take_operator_secret(clients: Clients, secret: SecretKeys) -> None:
    """Have the operator's client go by the secret that its file has now."""
    await clients.ensure_operator(secret()[0].hex())
