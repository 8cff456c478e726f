"""The RSA key of issuers under test, found once: the search for its primes takes its time."""

from services.identity.keys import FIRST, RSA_ALGORITHM, Keyring
from services.identity.model import SigningKey
from services.identity.store import IdentityStore
from services.platform.audit.port import Audit
from services.platform.runtime.clock import Clock

__all__ = ["rsa_keyring"]

FOUND: list[SigningKey] = []


async def rsa_keyring(
    store: IdentityStore, sealing_keys: list[bytes], clock: Clock, audit: Audit
) -> Keyring:
    """A ring whose first key is the same in all stores."""
    if FOUND:
        await store.id_token_keys.put(FIRST, FOUND[0])
    ring = Keyring(store.id_token_keys, lambda: sealing_keys, clock, audit, algorithm=RSA_ALGORITHM)
    await ring.refresh()
    FOUND[:] = (await store.id_token_keys.all()).values()
    return ring
