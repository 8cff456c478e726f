"""What a kubelet asks a container, and when it restarts it for that."""

from typing import Final

from services.platform.runtime.liveness import FAILURES, HUNG_GRACE_S, PERIOD_S, TIMEOUT_S
from tools.deploy.layout import Document

__all__ = ["probes"]

# Seconds between probes, and how many may fail. A start waits for a lease of ids, and for Bigtable.
STARTUP: Final = {"periodSeconds": 1, "failureThreshold": 120}
READINESS: Final = {"periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2}
# As the supervisor of a single machine has it.
LIVENESS: Final = {
    "periodSeconds": PERIOD_S,
    "timeoutSeconds": TIMEOUT_S,
    "failureThreshold": FAILURES,
}


def probes(probe: Document, *, paused_s: int = 0) -> Document:
    """Ask a container by `probe` whether it is up, ready and alive.

    One that hangs has no time to drain, but for the pause before its SIGTERM, of `paused_s`.
    """
    killed = {"terminationGracePeriodSeconds": paused_s + HUNG_GRACE_S}
    return {
        "startupProbe": probe | STARTUP,
        "readinessProbe": probe | READINESS,
        "livenessProbe": probe | LIVENESS | killed,
    }
