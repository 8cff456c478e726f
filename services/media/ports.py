"""What the media service needs from the outside."""

from collections.abc import Collection, Sequence
from typing import Protocol

from services.media.model import (
    Files,
    Image,
    Media,
    Quarantine,
    Rejection,
    RequestClaim,
    SignedUrl,
    Upload,
    UploadTarget,
)
from services.platform.visibility.rule import Visible

__all__ = [
    "Holders",
    "IdSource",
    "ImageWorker",
    "MediaBytes",
    "MediaEvents",
    "MediaStore",
    "Scanner",
    "Tweets",
    "Users",
]


class MediaStore(Protocol):
    """Durable facts of pictures. Every method raises `UnavailableError`, and is idempotent."""

    async def add(self, upload: Upload) -> None:
        """Make room for a picture; from now on it is unsettled."""
        ...

    async def get_many(self, media_ids: Collection[int]) -> dict[int, Media]:
        """Read pictures; what is unknown, or forgotten, is left out."""
        ...

    async def is_forgotten(self, media_id: int) -> bool:
        """Whether there is nothing of it, or only what was noted after it was forgotten."""
        ...

    async def arrive(self, upload: Upload, event: bytes) -> None:
        """Note that the bytes have come, and have `event` published at least once."""
        ...

    async def decide(self, media_id: int, outcome: Image | Rejection) -> None:
        """Note what became of the bytes, unless that was noted before. Atomic."""
        ...

    async def hold(self, media_id: int, before: int, after: int) -> int:
        """Change who carries it (see `Media.holder`) from `before` to `after`; gives who did.

        Atomic: it was changed if that is `before`.
        """
        ...

    async def quarantine(self, media_id: int, why: Quarantine) -> None:
        """Note that it is hidden, and why."""
        ...

    async def clear(self, media_id: int) -> None:
        """Note that it is not hidden any more; it is unsettled again."""
        ...

    async def quarantined(self, after: int, limit: int) -> list[int]:
        """At most `limit` hidden pictures with id > `after`, by rising id."""
        ...

    async def owned(self, user_id: int, limit: int) -> list[int]:
        """At most `limit` pictures of a user."""
        ...

    async def unsettled(self, below: int, limit: int) -> list[int]:
        """About `limit` unsettled pictures with id < `below`, the oldest of each part first."""
        ...

    async def settle(self, media_ids: Collection[int]) -> None:
        """Have them unsettled no longer."""
        ...

    async def forget(self, media_id: int, user_id: int) -> None:
        """Delete all that is noted of it. `user_id` is its owner."""
        ...

    async def find_claim(self, user_id: int, request_id: str) -> RequestClaim | None:
        """Read what the user's `request_id` stands for; None if it is unbound."""
        ...

    async def claim(self, user_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Bind the user's `request_id` to `claim` unless it is bound; gives what it stands for.

        Atomic. A claim may be forgotten a day after it was made.
        """
        ...


class MediaBytes(Protocol):
    """The bytes of pictures: uploads as they came, and the variants made of them.

    Variants are named as `Variant.name`. Every method raises `UnavailableError`; all but the first
    and `url` are idempotent, and take what is not there for done.
    """

    async def upload_target(self, upload: Upload) -> UploadTarget:
        """Sign a URL that takes the upload's bytes for a quarter of an hour.

        What is sent there later, or twice, is ignored or replaces what came before it was read.
        """
        ...

    async def has_upload(self, media_id: int) -> bool:
        """Whether its bytes have come, all of them."""
        ...

    async def read_upload(self, media_id: int, most: int) -> bytes | None:
        """The first `most` bytes that were uploaded; None where there are none."""
        ...

    async def drop_upload(self, media_id: int) -> None:
        """Delete what was uploaded."""
        ...

    async def put(self, media_id: int, files: Files) -> None:
        """Write the variants, over those of before; durable on return."""
        ...

    async def read(self, media_id: int, variant: str) -> bytes | None:
        """A variant's bytes; None where there is none, or where it is hidden."""
        ...

    async def url(self, media_id: int, variant: str) -> SignedUrl:
        """Sign a URL of a variant, the same for an hour. Reads nothing."""
        ...

    async def hide(self, media_id: int, variants: Sequence[str]) -> None:
        """Have no URL lead to the variants any more, also none that was signed before."""
        ...

    async def show(self, media_id: int, variants: Sequence[str]) -> None:
        """Undo `hide`."""
        ...

    async def delete(self, media_id: int) -> None:
        """Delete the upload and all variants, shown or hidden."""
        ...


class ImageWorker(Protocol):
    """Looks at uploaded bytes, and makes variants of them, outside of the event loop."""

    async def process(self, upload: Upload, data: bytes) -> tuple[Image, Files] | Rejection:
        """Make the variants, or say why there are none. Bounded in time and memory.

        Raises `UnavailableError` where others have to be done first. Any other error is a try that
        failed: the next may not, as the bytes may not be to blame.
        """
        ...


class Scanner(Protocol):
    """Looks for what must not be shown."""

    async def scan(self, data: bytes, sha256: str) -> str | None:
        """Say what was found in uploaded bytes, and by what; None where they are clean.

        Raises `UnavailableError` where that cannot be said now: nothing is shown unscanned.
        """
        ...


class MediaEvents(Protocol):
    """Encodes what is published on topic media-events."""

    def uploaded(self, media_id: int) -> bytes:
        """Encode that the bytes of a picture have come."""
        ...


class IdSource(Protocol):
    """Where ids of pictures come from."""

    async def next_id(self) -> int:
        """Make a new snowflake; `UnavailableError` if there is none to give."""
        ...


class Users(Protocol):
    """Who exists."""

    async def missing(self, ids: Sequence[int], /) -> list[int]:
        """Those of `ids` that name no user; `UnavailableError` if nobody can say."""
        ...


class Holders(Protocol):
    """The tweets that carry pictures. Raises `UnavailableError`."""

    async def facts(self, tweet_id: int) -> Visible | None:
        """For whom a tweet is; None where it is not there (yet, or any more), or in quarantine."""
        ...


class Tweets(Protocol):
    """Which tweets there are."""

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no tweet, or a deleted one; raises `UnavailableError`."""
        ...
