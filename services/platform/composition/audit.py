"""Where a process's audit log goes, as its settings say."""

from contextlib import AsyncExitStack

from services.platform.audit.log import AuditLog
from services.platform.audit.metering import MeteredAudit
from services.platform.audit.port import Audit
from services.platform.audit.stream import AuditStream
from services.platform.config.settings import Settings, SettingsError
from services.platform.observability.output import STDERR, LineWriter, error_lines
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.readiness import Readiness

__all__ = ["open_audit"]


def open_audit(
    settings: Settings, process: str, stack: AsyncExitStack, readiness: Readiness
) -> Audit:
    """Open it until the stack unwinds, and count what is recorded.

    Raises SettingsError where its files cannot be written. The process is ready
    only while what is recorded reaches the disk.
    """
    if settings.audit == "log":
        # Past what drops log lines: what must be audited must not go on when it cannot be.
        lines = error_lines() or LineWriter(STDERR)
        return MeteredAudit(AuditStream(lines.write, process, SystemClock()))
    folder = settings.data_dir / "audit"
    try:
        log = stack.enter_context(AuditLog(folder, process, SystemClock()))
    except OSError as error:
        raise SettingsError(
            "AVIARY_AUDIT", got="files", wanted=f"log, or a folder that can be written: {error}"
        ) from error
    readiness.require("audit log", log.holds)
    return MeteredAudit(log)
