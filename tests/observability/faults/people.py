"""What people do to a system: guess passwords, log out by the thousand, forget and mistype."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import httpx

from services.platform.files.whole_file import write_whole
from services.platform.runtime.clock import SystemClock
from services.platform.security.certificates.folder import FOLDER_NAME
from services.platform.tokens.edge_lists import MAX_LISTED
from services.platform.tokens.revocations import Revocable
from services.platform.tokens.revoked_store import RevokedStore
from services.platform.valkey.connection import open_valkey
from tests.certificates import authority_in, leaf
from tests.e2e.test_identity import register
from tests.identity.browser import Browser
from tests.observability.faults.repeating import repeating
from tests.observability.watching import Watched

__all__ = ["certificate_not_renewed", "guessed_passwords", "many_log_outs", "mistyped_flags"]

LOGGED_OUT_FOR_S: Final = 40
OLD: Final = timedelta(days=6)
"""Of a certificate that lasts for seven days."""
GUESS_PAUSE_S: Final = 0.1


@contextmanager
def guessed_passwords(watched: Watched) -> Iterator[None]:
    """Somebody tries one handle after the other."""
    mesh = watched.mesh
    app, numbers = register(mesh, "--public")["client_id"], itertools.count()

    async def guess() -> None:
        async with httpx.AsyncClient(base_url=mesh.rest.base_url) as http:
            browser = Browser(http, app, scope=None)
            answer = await browser.submit(f"nobody{next(numbers)}", "a wrong password")
            assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text

    async def guess_two() -> None:
        # The alert wants more than one a second, and a busy machine takes as long for one.
        await asyncio.gather(guess(), guess())

    with repeating(lambda: asyncio.run(guess_two()), GUESS_PAUSE_S):
        yield


@contextmanager
def many_log_outs(watched: Watched) -> Iterator[None]:
    """A wave of sessions ends, whose tokens last a little longer."""
    url = watched.mesh.valkey_url("cache")

    async def revoke() -> None:
        clock, cache = SystemClock(), open_valkey(url, timeout_s=10)
        until_ms = clock.now_ms() + LOGGED_OUT_FOR_S * 1_000
        names = {f"session-{number}": until_ms for number in range(MAX_LISTED)}
        await RevokedStore(cache, clock).add(Revocable.SESSION, names)
        await cache.aclose()

    asyncio.run(revoke())
    yield


@contextmanager
def certificate_not_renewed(watched: Watched) -> Iterator[None]:
    """A service and the edge show one that ends tomorrow; somebody renews them."""
    folder = watched.mesh.data_dir / FOLDER_NAME
    for name in ("tweet", "edge"):
        pair = leaf(authority_in(folder), name, made=OLD)
        # Envoy sees what is moved into place, alone.
        write_whole(folder / f"{name}.key", pair.key)
        write_whole(folder / f"{name}.pem", pair.certificate)
    try:
        yield
    finally:
        renew, _ = watched.runbook("rotate-certificates-and-keys.md").blocks("Renew certificates")
        watched.runbook("rotate-certificates-and-keys.md").shell(renew)


@contextmanager
def mistyped_flags(watched: Watched) -> Iterator[None]:
    """The file of flags is no YAML for a while."""
    watched.flags.write_text("fanout.celebrity-threshold: one")
    try:
        yield
    finally:
        watched.flags.write_text("{}")
