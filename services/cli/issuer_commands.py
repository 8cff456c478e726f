"""Commands that open the issuer's store: apps, their API keys, and the issuer's own keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from services.cli.identity_admin import DATA_DIR, at, with_admin
from services.cli.options import JSON, echo_json
from services.identity.app import IdentityAdmin
from services.identity.app_keys import MadeKey
from services.identity.model import AppKey, Client
from services.identity.oauth_clients import ID_TOKEN_ALGORITHMS, Registered

__all__ = [
    "app_key",
    "apps",
    "register_app",
    "remove_app",
    "rotate_signing_key",
    "withdraw_signing_key",
]


@click.command("register-app")
@click.argument("name")
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    help="URI that a log-in may lead back to; may be given several times.",
)
@click.option(
    "--public",
    is_flag=True,
    help="An app that cannot keep a secret, such as one on a phone: it gets none, and uses PKCE.",
)
@click.option(
    "--id-token-alg",
    type=click.Choice(ID_TOKEN_ALGORITHMS),
    default=ID_TOKEN_ALGORITHMS[0],
    show_default=True,
    help="What its ID tokens are signed by.",
)
@DATA_DIR
def register_app(
    name: str, redirect_uris: Sequence[str], id_token_alg: str, data_dir: Path, *, public: bool
) -> None:
    """Register an app; prints its id, and its secret, which is not shown again."""

    async def register(admin: IdentityAdmin) -> Registered:
        return await admin.clients.register(
            name, redirect_uris, public=public, id_token_alg=id_token_alg
        )

    kind = "public" if public else "confidential"
    arguments = f"{kind} {name!r} {' '.join(redirect_uris)}"
    made = with_admin(data_dir, register, change=arguments)
    click.echo(f"client_id      {made.client_id}")
    if made.client_secret is not None:
        click.echo(f"client_secret  {made.client_secret}")


@click.command("apps")
@JSON
@DATA_DIR
def apps(data_dir: Path, *, as_json: bool) -> None:
    """List the apps that were registered, by id."""

    async def registered(admin: IdentityAdmin) -> Mapping[str, Client]:
        return await admin.apps.all()

    found = with_admin(data_dir, registered)
    if as_json:
        echo_json({"apps": [_app(*each) for each in found.items()]})
        return
    if not found:
        click.echo("no apps are registered")
    for client_id, client in found.items():
        kind = "public" if client.secret_digest is None else "confidential"
        click.echo(f"{client_id}  {at(client.created_at_ms)}  {kind:12}  {client.name}")


@click.command("remove-app")
@click.argument("client_id")
@DATA_DIR
def remove_app(client_id: str, data_dir: Path) -> None:
    """End an app for good: it gets no more tokens, and its API keys are revoked.

    Access tokens that it has end by themselves, within minutes.
    """

    async def remove(admin: IdentityAdmin) -> None:
        await admin.apps.remove(client_id)

    with_admin(data_dir, remove, change=client_id)
    click.echo(f"{client_id} is removed")


def _app(client_id: str, client: Client) -> Mapping[str, object]:
    return {
        "client_id": client_id,
        "name": client.name,
        "public": client.secret_digest is None,
        "redirect_uris": list(client.redirect_uris),
        "created_at": at(client.created_at_ms),
    }


@click.group("app-key")
def app_key() -> None:
    """Make, list and revoke the API keys of apps, which they send as `x-api-key`."""


@app_key.command()
@click.argument("client_id")
@DATA_DIR
def make(client_id: str, data_dir: Path) -> None:
    """Make a key for an app; prints it, and it is not shown again."""

    async def made_for(admin: IdentityAdmin) -> MadeKey:
        return await admin.app_keys.make(client_id)

    made = with_admin(data_dir, made_for, change=client_id)
    click.echo(f"key_id   {made.key_id}")
    click.echo(f"api_key  {made.key}")
    click.echo(f"expires  {at(made.expires_at_ms)}")


@app_key.command("list")
@click.argument("client_id")
@JSON
@DATA_DIR
def list_keys(client_id: str, data_dir: Path, *, as_json: bool) -> None:
    """List an app's keys by id: when each expires, and whether it was revoked."""

    async def keys(admin: IdentityAdmin) -> Mapping[str, AppKey]:
        return await admin.app_keys.of(client_id)

    found = with_admin(data_dir, keys)
    if as_json:
        echo_json({"keys": [_key(*each) for each in found.items()]})
        return
    if not found:
        click.echo(f"no API keys of {client_id}")
    for key_id, key in found.items():
        revoked = "  revoked" if key.revoked else ""
        click.echo(f"{key_id}  expires {at(key.expires_at_ms)}{revoked}")


def _key(key_id: str, key: AppKey) -> Mapping[str, object]:
    return {
        "key_id": key_id,
        "client_id": key.client_id,
        "expires_at": at(key.expires_at_ms),
        "revoked": key.revoked,
    }


@app_key.command()
@click.argument("key_id")
@DATA_DIR
def revoke(key_id: str, data_dir: Path) -> None:
    """Take a key back: every edge refuses it within a few seconds."""

    async def take_back(admin: IdentityAdmin) -> None:
        await admin.app_keys.revoke(key_id)

    with_admin(data_dir, take_back, change=key_id)
    click.echo(f"{key_id} is revoked")


@click.command("rotate-signing-key")
@click.option(
    "--app-keys",
    "which",
    flag_value="app keys",
    help="Rotate the key that signs API keys, not the one of tokens.",
)
@click.option(
    "--id-tokens",
    "which",
    flag_value="id tokens",
    help="Rotate the key that signs ID tokens by RS256, not the one of tokens.",
)
@DATA_DIR
def rotate_signing_key(which: str | None, data_dir: Path) -> None:
    """Make a new signing key: published at once, and used once every edge has seen it."""

    async def rotate(admin: IdentityAdmin) -> tuple[str, int]:
        rings = admin.keyrings
        named = {"app keys": rings.app_keys, "id tokens": rings.id_tokens, "tokens": rings.tokens}
        return await named[change].rotate()

    change = which or "tokens"
    kid, from_ms = with_admin(data_dir, rotate, change=change)
    click.echo(
        f"key {kid} signs from {at(from_ms)}; the ones before it stay until what they signed ends"
    )


@click.command("withdraw-signing-key")
@click.argument("kid")
@DATA_DIR
def withdraw_signing_key(kid: str, data_dir: Path) -> None:
    """Take a signing key back: within seconds no edge takes anything that it signed.

    For a key that somebody else may have; `rotate-signing-key` first. Where its successor does not
    sign yet, the successor does so now, and edges may refuse what it signs for a minute.
    """

    async def withdraw(admin: IdentityAdmin) -> None:
        await admin.keyrings.withdraw(kid)

    with_admin(data_dir, withdraw, change=kid)
    click.echo(f"key {kid} is withdrawn; whoever has a token or API key of it needs another")
