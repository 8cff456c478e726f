"""How a process's connections and requests are protected."""

from dataclasses import dataclass

from services.platform.audit.port import Audit
from services.platform.audit.tally import Tally
from services.platform.security.signing import Signer, Verifier
from services.platform.security.tls import TlsFiles

__all__ = ["PLAIN", "Security"]


@dataclass(frozen=True, slots=True)
class Security:
    """What protects a process; whatever is None is off."""

    tls: TlsFiles | None = None
    signer: Signer | None = None
    verifier: Verifier | None = None
    sidecar: bool = False
    """Whether a sidecar stands before this process: it has the certificates, and names peers."""
    audit: Audit | None = None
    """Where operators' calls are recorded."""
    denials: Tally | None = None
    """Where calls that were refused are counted."""

    @property
    def names_peers(self) -> bool:
        """Whether there is a name to hold to the call table."""
        return self.sidecar or self.tls is not None


PLAIN = Security()
"""For loopback: nothing is protected."""
