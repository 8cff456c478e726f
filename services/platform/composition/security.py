"""What protects a process's connections and requests, as its settings say."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from services.platform.audit.following import POLL_S
from services.platform.audit.port import CERTIFICATE_IN_USE, SIGNING_KEYS_IN_USE, Audit
from services.platform.audit.tally import WRITE_EVERY_S, Tally
from services.platform.composition.audit import open_audit
from services.platform.config.settings import Settings, SettingsError
from services.platform.config.signing_keys import Keys, SigningKey, keys_from
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_SIGNING_NONCES_EVICTED
from services.platform.runtime.background import Finished
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness
from services.platform.security.certificate_metrics import observe_certificate
from services.platform.security.denials import sidecar_denials
from services.platform.security.listener_tls import ListenerTls
from services.platform.security.nonces import ValkeyNonces
from services.platform.security.process import Security
from services.platform.security.signing import Signer, Verifier
from services.platform.security.tls import POLL_S as TLS_POLL_S
from services.platform.security.tls import Credentials, CredentialsError, TlsFiles
from services.platform.specs import ServiceSpec
from services.platform.valkey.guarded_cluster import open_guarded
from services.platform.valkey.server_metrics import POLL_S as SERVER_POLL_S
from services.platform.valkey.server_metrics import ServerMetrics

__all__ = ["listener_tls", "secured", "tls_files"]

_log = structlog.get_logger()

NONCES = "nonces"
NONCES_POLL_S = 5.0
"""Between tries to ask their server how it is set up."""


@asynccontextmanager
async def secured(
    name: str, settings: Settings, readiness: Readiness | None = None
) -> AsyncIterator[Security]:
    """Open what the process of this name needs; raises SettingsError where files are of no use."""
    async with AsyncExitStack() as stack:
        readiness = readiness or Readiness()
        loops = Loops(stack, readiness)
        audit = open_audit(settings, name, stack, readiness)
        denials = Tally(audit)

        async def write() -> None:
            denials.try_to_write()

        # The last second's, when nobody counts any more.
        stack.callback(denials.try_to_write)
        loops.run("audit-denials", write, every_s=WRITE_EVERY_S)
        if settings.sidecar_denials_log is not None:
            lines = sidecar_denials(settings.sidecar_denials_log, audit)
            loops.run("audit-sidecar-denials", lines.try_to_read, every_s=POLL_S)
        tls = None
        if settings.tls_dir is not None:
            tls = tls_files(name, settings.tls_dir, "AVIARY_TLS_DIR", audit)
            await loops.opened("tls-files", tls)
        security = Security(tls, sidecar=settings.sidecar, audit=audit, denials=denials)
        keys = _keys(settings, audit)
        if keys is None:
            yield security
            return
        valkey = open_guarded(settings.nonce_valkey_url)
        stack.push_async_callback(valkey.aclose)
        figures = ServerMetrics(valkey, NONCES)
        loops.run("nonces figures", figures.look, every_s=SERVER_POLL_S)
        clock = SystemClock()
        nonces = ValkeyNonces(valkey)
        loops.run("nonces", partial(_warn_of_eviction, nonces), every_s=NONCES_POLL_S)
        signer, verifier = Signer(keys, clock), Verifier(keys, nonces, clock)
        yield replace(security, signer=signer, verifier=verifier)


async def _warn_of_eviction(nonces: ValkeyNonces) -> None:
    """Look once, when the server can be asked."""
    try:
        forgets = await nonces.may_forget()
    except UnavailableError:
        return
    if forgets:
        _log.warning(EVENT_SIGNING_NONCES_EVICTED)
    raise Finished


async def listener_tls(
    spec: ServiceSpec, settings: Settings, security: Security, loops: Loops
) -> ListenerTls | None:
    """Open the certificates of a service's HTTP listener; its sidecar, if any, has none of them.

    None where it listens in plaintext. Raises SettingsError if the files are of no use.
    """
    folder = settings.http_tls_dir(spec.name)
    if folder is None:
        return None
    # Where the process shows the same certificate elsewhere too, it is recorded there.
    audit = security.audit if security.tls is None else None
    files = tls_files(spec.name, folder, spec.http_tls_variable, audit)
    await loops.opened(f"{spec.name}-tls-files", files)
    tls = ListenerTls(folder, spec.name, files)
    loops.run(f"{spec.name}-tls", tls.look_again, every_s=TLS_POLL_S)
    return tls


def tls_files(name: str, folder: Path, variable: str, audit: Audit | None = None) -> TlsFiles:
    """Open the certificate of `name`; raises SettingsError of `variable` if it is of no use.

    `audit` records it, and each that comes in its place.
    """

    def report(now: Credentials) -> None:
        if audit is not None:
            serial, expires = f"{now.serial:x}", now.expires.isoformat()
            audit.record(CERTIFICATE_IN_USE, serial=serial, expires=expires)

    try:
        files = TlsFiles(folder, name, report=report)
    except CredentialsError as error:
        wanted = f"a folder with a certificate of {name}; {error}"
        raise SettingsError(variable, got=str(folder), wanted=wanted) from error
    observe_certificate(files, variable)
    return files


def _keys(settings: Settings, audit: Audit) -> Keys | None:
    def report(keys: Sequence[SigningKey]) -> None:
        ids = [key.key_id for key in keys]
        audit.record(SIGNING_KEYS_IN_USE, signs=ids[0], verify=" ".join(ids))

    path = settings.signing_keys_file
    try:
        return keys_from(settings.signing_keys, path, report)
    except (OSError, ValueError) as error:
        wanted = f"a file of id:hex,id:hex; {error}"
        raise SettingsError("AVIARY_SIGNING_KEYS_FILE", got=str(path), wanted=wanted) from error
