"""Pictures as the service knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from services.platform.ids.model import MAX_ID

__all__ = [
    "COLLECTED",
    "CONTENT_TYPES",
    "MAX_PER_TWEET",
    "MAX_UPLOAD_BYTES",
    "ORIGINAL",
    "Image",
    "Media",
    "MediaRef",
    "Quarantine",
    "Rejection",
    "RequestClaim",
    "SignedUrl",
    "Status",
    "Upload",
    "UploadTarget",
    "Variant",
]

MAX_UPLOAD_BYTES: Final = 5 * 1024 * 1024
"""A photo of a telephone, and a small animation."""
MAX_PER_TWEET: Final = 4
CONTENT_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
ORIGINAL: Final = "original"
"""The variant with all pixels. Its bytes are not those that were uploaded: nothing but the picture
is taken over."""
COLLECTED: Final = MAX_ID
"""Holds what was collected, in the place of a tweet: none can carry it any more."""


class Status(Enum):
    """How far a picture has come."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    READY = "ready"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


class Rejection(Enum):
    """Why a picture never will be ready. The values are kept in rows."""

    UNKNOWN_TYPE = "unknown_type"
    OTHER_TYPE = "other_type"
    SIZE = "size"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody is going to upload."""

    media_id: int
    user_id: int
    content_type: str
    """One of `CONTENT_TYPES`; empty where nobody said."""
    size: int
    """Bytes; 0 where nobody said."""
    alt_text: str
    created_at_ms: int
    """Unix milliseconds; the time within `media_id`."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A picture in one size."""

    name: str
    content_type: str
    width: int
    """Pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class Image:
    """What was found in the bytes, and made of them."""

    content_type: str
    width: int
    """Pixels, as shown."""
    height: int
    blurhash: str
    sha256: str
    """Of the bytes as they came, in hex."""
    variants: tuple[Variant, ...]
    """The largest first, which is `ORIGINAL`."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a picture is hidden, and since when."""

    reason: str
    at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, and all that was decided of it so far."""

    upload: Upload
    has_arrived: bool = False
    outcome: Image | Rejection | None = None
    """None until it was looked at."""
    quarantine: Quarantine | None = None
    holder: int = 0
    """The tweet that carries it; 0 for none, `COLLECTED` for what none can carry any more."""

    @property
    def status(self) -> Status:
        """How far it has come."""
        match self.outcome:
            case Rejection():
                return Status.REJECTED
            case Image():
                return Status.READY if self.quarantine is None else Status.QUARANTINED
            case _:
                return Status.PROCESSING if self.has_arrived else Status.UPLOADING

    @property
    def is_attached(self) -> bool:
        """Whether a tweet carries it."""
        return self.holder not in (0, COLLECTED)


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A picture as a tweet carries it."""

    media_id: int
    content_type: str
    width: int
    height: int
    blurhash: str
    alt_text: str


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """What a `request_id` stands for: the picture it makes room for, and of which content."""

    media_id: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """Where something is, for whoever knows the URL."""

    url: str
    expires_at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """The one request that brings the bytes."""

    to: SignedUrl
    headers: Mapping[str, str]
    """It must have these."""


Files = Sequence[tuple[Variant, bytes]]
"""The variants of a picture, with their bytes."""
