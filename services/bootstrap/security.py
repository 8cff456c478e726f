"""What protects a process's connections and requests, as its settings say."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from services.clock import SystemClock
from services.rpc.security import Security
from services.rpc.signing import Signer, Verifier
from services.rpc.signing_keys import Keys, keys_from
from services.rpc.tls import CredentialsError, TlsFiles
from services.settings import Settings, SettingsError
from services.storage.valkey.breaker import CALL_TIMEOUT_S, GuardedValkey
from services.storage.valkey.connection import open_valkey
from services.storage.valkey.nonces import ValkeyNonces

__all__ = ["secured", "tls_files"]


@asynccontextmanager
async def secured(name: str, settings: Settings) -> AsyncIterator[Security]:
    """Open what the process of this name needs; raises SettingsError where files are of no use."""
    async with AsyncExitStack() as stack:
        tls = None
        if settings.tls_dir is not None:
            tls = tls_files(name, settings.tls_dir, "AVIARY_TLS_DIR")
            tls.start()
            stack.push_async_callback(tls.stop)
        keys = _keys(settings)
        if keys is None:
            yield Security(tls, sidecar=settings.sidecar)
            return
        valkey = open_valkey(
            settings.nonce_valkey_url, timeout_s=CALL_TIMEOUT_S, node_client=GuardedValkey
        )
        stack.push_async_callback(valkey.aclose)
        clock = SystemClock()
        signer, verifier = Signer(keys, clock), Verifier(keys, ValkeyNonces(valkey), clock)
        yield Security(tls, signer, verifier, sidecar=settings.sidecar)


def tls_files(name: str, folder: Path, variable: str) -> TlsFiles:
    """Open the certificate of `name`; raises SettingsError of `variable` if it is of no use."""
    try:
        return TlsFiles(folder, name)
    except CredentialsError as error:
        wanted = f"a folder with a certificate of {name}; {error}"
        raise SettingsError(variable, got=str(folder), wanted=wanted) from error


def _keys(settings: Settings) -> Keys | None:
    path = settings.signing_keys_file
    try:
        return keys_from(settings.signing_keys, path)
    except (OSError, ValueError) as error:
        wanted = f"a file of id:hex,id:hex; {error}"
        raise SettingsError("AVIARY_SIGNING_KEYS_FILE", got=str(path), wanted=wanted) from error
