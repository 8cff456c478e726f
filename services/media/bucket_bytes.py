"""Bytes of pictures in a bucket of Cloud Storage, which clients reach by V4 signed URLs.

The library blocks, so all of it runs on threads.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud.storage import Bucket, Client
from google.oauth2.service_account import Credentials as ServiceAccount
from requests.exceptions import RequestException

from services.media.keys import file_name, files_prefix
from services.media.model import MAX_UPLOAD_BYTES, Files, SignedUrl, Upload, UploadTarget
from services.media.urls import UPLOAD_S, variant_expiry_ms
from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock

__all__ = ["BucketBytes", "opened"]

UPLOADS: Final = "uploads"
SHOWN: Final = "files"
HIDDEN: Final = "hidden"
_UPLOADED: Final = "upload"
KNOWN_URLS: Final = 20_000
"""Some 20 MB. Without a private key of its own, a process asks Google to sign each."""
TIMEOUT_S: Final = 5.0
MAX_AGE: Final = "public, max-age=300, immutable"
"""How long caches may go on showing what was deleted or hidden meanwhile."""
_MS: Final = 1_000
_Result = TypeVar("_Result")


def opened(name: str, clock: Clock) -> "BucketBytes":
    """Open a bucket by the process's own credentials."""
    client = Client()
    own = client._credentials  # noqa: SLF001 - there is no other way to them
    key = own if isinstance(own, ServiceAccount) else None
    return BucketBytes(client.bucket(name), clock, credentials=key)


class BucketBytes:
    """A `MediaBytes` in a bucket; `endpoint` is where signed URLs lead."""

    def __init__(
        self,
        bucket: Bucket,
        clock: Clock,
        *,
        credentials: ServiceAccount | None = None,
        endpoint: str = "https://storage.googleapis.com",
    ) -> None:
        self._bucket = bucket
        self._clock = clock
        self._credentials = credentials
        self._endpoint = endpoint
        self._urls: OrderedDict[tuple[str, int], str] = OrderedDict()

    async def upload_target(self, upload: Upload) -> UploadTarget:
        """Sign a URL that takes so many bytes, and no more."""
        least, most = (upload.size, upload.size) if upload.size else (1, MAX_UPLOAD_BYTES)
        headers = {"x-goog-content-length-range": f"{least},{most}"}
        if upload.content_type:
            headers["content-type"] = upload.content_type
        expires_ms = (self._clock.now_ms() // _MS + UPLOAD_S) * _MS
        name = file_name(UPLOADS, upload.media_id, _UPLOADED)
        url = await _blocking(self._sign, name, "PUT", expires_ms, headers)
        return UploadTarget(SignedUrl(url, expires_ms), headers)

    async def has_upload(self, media_id: int) -> bool:
        """Look for the object."""
        blob = self._bucket.blob(file_name(UPLOADS, media_id, _UPLOADED))
        return bool(await _blocking(blob.exists, timeout=TIMEOUT_S))

    async def read_upload(self, media_id: int, most: int) -> bytes | None:
        """Read the object."""
        return await self._read(file_name(UPLOADS, media_id, _UPLOADED), most)

    async def drop_upload(self, media_id: int) -> None:
        """Delete the object."""
        await _blocking(self._delete, file_name(UPLOADS, media_id, _UPLOADED))

    async def put(self, media_id: int, files: Files) -> None:
        """Write an object for each variant."""
        for variant, data in files:
            blob = self._bucket.blob(file_name(SHOWN, media_id, variant.name))
            blob.cache_control = MAX_AGE
            await _blocking(
                blob.upload_from_string,
                data,
                content_type=variant.content_type,
                timeout=TIMEOUT_S,
            )

    async def read(self, media_id: int, variant: str) -> bytes | None:
        """Read a variant's object."""
        return await self._read(file_name(SHOWN, media_id, variant), None)

    async def url(self, media_id: int, variant: str) -> SignedUrl:
        """Sign a URL of a variant's object, once in an hour."""
        expires_ms = variant_expiry_ms(self._clock.now_ms())
        name = file_name(SHOWN, media_id, variant)
        known = self._urls.get((name, expires_ms))
        if known is None:
            known = await _blocking(self._sign, name, "GET", expires_ms, {})
            self._urls[name, expires_ms] = known
            if len(self._urls) > KNOWN_URLS:
                self._urls.popitem(last=False)
        return SignedUrl(known, expires_ms)

    async def hide(self, media_id: int, variants: Sequence[str]) -> None:
        """Move the objects to where no URL leads."""
        await self._move(SHOWN, HIDDEN, media_id, variants)

    async def show(self, media_id: int, variants: Sequence[str]) -> None:
        """Move them back."""
        await self._move(HIDDEN, SHOWN, media_id, variants)

    async def delete(self, media_id: int) -> None:
        """Delete all objects."""
        for area in (SHOWN, HIDDEN, UPLOADS):
            await _blocking(self._delete_all, files_prefix(area, media_id) + "/")

    async def _read(self, name: str, most: int | None) -> bytes | None:
        blob = self._bucket.blob(name)
        end = None if most is None else most - 1
        try:
            return bytes(await _blocking(blob.download_as_bytes, end=end, timeout=TIMEOUT_S))
        except NotFound:
            return None

    async def _move(self, source: str, target: str, media_id: int, variants: Sequence[str]) -> None:
        for variant in variants:
            name, to = (file_name(area, media_id, variant) for area in (source, target))
            await _blocking(self._rename, name, to)

    def _rename(self, name: str, to: str) -> None:
        blob = self._bucket.blob(name)
        try:
            self._bucket.copy_blob(blob, self._bucket, to, timeout=TIMEOUT_S)
        except NotFound:
            return
        self._delete(name)

    def _delete(self, name: str) -> None:
        try:
            self._bucket.delete_blob(name, timeout=TIMEOUT_S)
        except NotFound:
            return

    def _delete_all(self, prefix: str) -> None:
        for blob in self._bucket.list_blobs(prefix=prefix, timeout=TIMEOUT_S):
            self._delete(blob.name)

    def _sign(self, name: str, method: str, expires_ms: int, headers: dict[str, str]) -> str:
        said: dict[str, Any] = {"credentials": self._credentials}
        if self._credentials is None:
            # Without a private key: Google signs for the account that this process runs as.
            own = self._bucket.client._credentials  # noqa: SLF001 - there is no other way to them
            own.refresh(Request())
            said = {"service_account_email": own.service_account_email, "access_token": own.token}
        return str(
            self._bucket.blob(name).generate_signed_url(
                version="v4",
                # From now on, by the library's own clock.
                expiration=timedelta(milliseconds=expires_ms - self._clock.now_ms()),
                method=method,
                headers=headers,
                api_access_endpoint=self._endpoint,
                **said,
            )
        )


async def _blocking(call: Callable[..., _Result], *args: object, **named: object) -> _Result:
    try:
        return await asyncio.to_thread(call, *args, **named)
    except NotFound:
        raise
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise UnavailableError(f"the bucket of pictures: {type(error).__name__}") from error
