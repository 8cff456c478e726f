"""What a service says to the edge of a text that was posted, so that copies are noticed.

The service that has parsed the text says it, so that there is one reading of it, whether it came as
JSON, gRPC or gRPC-Web. The text itself is in no log and no metadata.
"""

import hashlib

__all__ = ["CONTENT_DIGEST_KEY", "content_digest"]

CONTENT_DIGEST_KEY = "x-content-digest"
"""Initial metadata of an answer. The edge takes it away, so clients never see it."""


def content_digest(text: str) -> str:
    """Give 64 hex digits that texts have in common if they differ by case and outer blanks only."""
    return hashlib.sha256(text.strip().casefold().encode()).hexdigest()
