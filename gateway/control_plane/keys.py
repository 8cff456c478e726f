"""The limiter's keys in Valkey, and the keys of the subjects that they count.

A subject is a user, an app or an address. Its Valkey keys share a cluster slot, by the hash tag
around its subject key. In them `conduct` is what all else calls reputation: keys in stores outlive
a rename.
"""

import ipaddress
from typing import Final

from gateway.limits.budgets import Subject
from services.platform.tokens.revoked_store import is_text

__all__ = [
    "accounts_key",
    "counts_key",
    "listed_key",
    "posts_key",
    "proof_key",
    "reputation_key",
    "subject_key",
    "subject_name",
]


def subject_key(subject: Subject, name: str) -> str:
    """Build the key by which a subject is counted: `user:7`, `app:ios`, `ip:192.0.2.1/32`."""
    return f"{subject}:{name}"


def counts_key(who: str, endpoint_class: str) -> bytes:
    """Where a subject's budgets in a class are counted."""
    return f"limit:{{{who}}}:{endpoint_class}".encode()


KEY_SETS_KEY: Final = b"limit:key-sets"
"""Where gateways keep the issuer's key sets for each other."""


def reputation_key(who: str) -> bytes:
    """Where a subject's anomaly score is, by which it has its reputation."""
    return f"limit:{{{who}}}:conduct".encode()


def listed_key(subject: Subject) -> bytes:
    """Where the subjects are listed whose score counts; a key for each kind."""
    return f"limit:listed:{subject}".encode()


def posts_key(who: str, digest: str) -> bytes:
    """Where a user's posts of one text are counted."""
    return f"limit:{{{who}}}:post:{digest}".encode()


def accounts_key(who: str, hour: int) -> bytes:
    """Where the accounts of one address in one hour are counted."""
    return f"limit:{{{who}}}:accounts:{hour}".encode()


def proof_key(digest: str) -> bytes:
    """Where a solved challenge is noted, so that it counts once."""
    return f"limit:proof:{digest}".encode()


def subject_name(subject: Subject, name: bytes) -> str | None:
    """Read a subject's name; None where no such subject can be."""
    if not is_text(name):
        return None
    text = name.decode()
    if subject is Subject.IP:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            return None
        # As the edge reads it: with the length of the prefix, and without a zone.
        return text if str(network) == text and "%" not in text else None
    return text
