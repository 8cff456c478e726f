"""The bytes of pictures over HTTP, where they are in a folder: signed URLs, and no token.

An upload is refused before its bytes are read where it cannot be taken; of one that is too large no
more is kept than may be. What is given out never changes under its URL, so caches may keep it.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.media.arguments import no_media
from services.media.folder_bytes import FolderBytes
from services.media.model import COLLECTED, MAX_UPLOAD_BYTES, Status, Upload
from services.media.ports import MediaStore
from services.media.sniffing import sniff
from services.media.spec import UPLOADS_PATH, VARIANTS_PATH
from services.media.uploads import Uploads
from services.media.urls import UrlSigner
from services.platform.error_reasons import Reason
from services.platform.errors import (
    AviaryError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from services.platform.rpc.json_errors import error_reply
from services.platform.rpc.status import internal_status, status_of

__all__ = ["MAX_CACHED_S", "byte_routes", "no_routes"]

MAX_CACHED_S: Final = 300
"""How long a cache may go on showing what was deleted or quarantined meanwhile."""
UPLOADS_AT_ONCE: Final = 16
"""160 MB of memory at the most, as each is copied once; who comes then is asked to come again."""
MAX_DISCARDED_BYTES: Final = 4 * MAX_UPLOAD_BYTES
"""Of an upload that is too large, read and thrown away: who is hung up on while sending may not see
the answer. More are not read."""
UPLOAD_S: Final = 30.0
"""For the bytes of one upload; the edge in front gives a request 15 s to be whole."""
RETRY_AFTER_S: Final = 2.0
TOO_LARGE: Final = 413
NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304

_GUARDS: Final = {
    # What somebody uploaded is a picture and nothing else, whatever a browser makes of it.
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}
_Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class _TooLargeError(Exception):
    """There are more bytes than may be."""


def byte_routes(
    store: MediaStore, uploads: Uploads, folder: FolderBytes, signer: UrlSigner
) -> Starlette:
    """Build the application of the listener."""
    intake = _Intake(store, uploads, folder)

    async def upload(request: Request) -> Response:
        _check_url(request, signer)
        return await intake.take(request)

    async def variant(request: Request) -> Response:
        left_s = _check_url(request, signer)
        return await _shown(request, folder, left_s)

    return Starlette(
        routes=[
            Route(UPLOADS_PATH + "{media_id:int}", upload, methods=["PUT"]),
            Route(VARIANTS_PATH + "{media_id:int}/{variant}", variant, methods=["GET"]),
        ],
        exception_handlers={
            AviaryError: _domain_error,
            404: _no_such_path,
            500: _internal_error,
        },
    )


def no_routes() -> Starlette:
    """Build the application where there is no folder: nothing is there."""
    return Starlette(exception_handlers={404: _no_such_path})


class _Intake:
    """Takes uploads, so many at once."""

    def __init__(self, store: MediaStore, uploads: Uploads, folder: FolderBytes) -> None:
        self._store = store
        self._uploads = uploads
        self._folder = folder
        self._taken = 0

    async def take(self, request: Request) -> Response:
        """Take one, whole or not at all."""
        media_id = request.path_params["media_id"]
        media = (await self._store.get_many([media_id])).get(media_id)
        if media is None or media.holder == COLLECTED:
            raise no_media(media_id)
        if media.status is not Status.UPLOADING:
            # A repeat, whose first try was not answered: what came first stays.
            return Response(status_code=NO_CONTENT)
        if self._taken >= UPLOADS_AT_ONCE:
            raise UnavailableError("too many uploads at once", retry_after_s=RETRY_AFTER_S)
        self._taken += 1
        try:
            await self._folder.receive(media_id, await _body(request, media.upload))
        except (_TooLargeError, ClientDisconnect, TimeoutError) as error:
            return _refused(error)
        finally:
            # Not before the bytes are on the disk: until then they take memory.
            self._taken -= 1
        await self._uploads.arrived(media.upload)
        return Response(status_code=NO_CONTENT)


async def _body(request: Request, upload: Upload) -> bytes:
    """Read the bytes; raises `InvalidArgumentError` for fewer than were announced."""
    most = upload.size or MAX_UPLOAD_BYTES
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_DISCARDED_BYTES:
        raise _TooLargeError
    data, count = bytearray(), 0
    async with asyncio.timeout(UPLOAD_S):
        async for chunk in request.stream():
            count += len(chunk)
            if count > MAX_DISCARDED_BYTES:
                raise _TooLargeError
            if count <= most:
                data += chunk
    if count > most:
        raise _TooLargeError
    if not data or (upload.size and len(data) < upload.size):
        wanted = upload.size or f"1 to {most}"
        raise InvalidArgumentError("size", f"must be {wanted} bytes, are {len(data)}")
    return bytes(data)


async def _shown(request: Request, folder: FolderBytes, left_s: int) -> Response:
    """Answer with a variant, as long as it is there."""
    media_id, variant = request.path_params["media_id"], request.path_params["variant"]
    etag = f'"{media_id}.{variant}"'
    data = await folder.read(media_id, variant)
    if data is None:
        raise no_media(media_id)
    headers = {
        "cache-control": f"public, max-age={min(MAX_CACHED_S, left_s)}, immutable",
        "etag": etag,
        **_GUARDS,
    }
    known = request.headers.get("if-none-match", "")
    if etag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(data, headers=headers, media_type=sniff(data))


def _check_url(request: Request, signer: UrlSigner) -> int:
    """Give the seconds that the URL is good for; `PermissionDeniedError` for one that is not."""
    query = request.query_params
    given = sorted(name for name, _ in query.multi_items())
    if given == ["expires", "signature"]:
        left_s = signer.left_s(request.url.path, query["expires"], query["signature"])
        if left_s > 0:
            return left_s
    raise PermissionDeniedError(
        "the URL has expired, or is not as it was given", reason=Reason.URL_INVALID
    )


def _refused(error: Exception) -> Response:
    if isinstance(error, _TooLargeError):
        why = InvalidArgumentError("size", "are more bytes than may be")
        answer = _answer(why)
        answer.status_code = TOO_LARGE
    else:
        answer = _answer(UnavailableError("the bytes did not come in time"))
    # What is still on its way is not read.
    answer.headers["connection"] = "close"
    return answer


def _answer(error: AviaryError) -> Response:
    known = status_of(error)
    reply = error_reply((known or internal_status())[1])
    headers = dict(reply.headers)
    if isinstance(error, UnavailableError):
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    return Response(reply.body, reply.status, headers)


async def _domain_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, AviaryError):
        raise error
    return _answer(error)


async def _no_such_path(_: Request, _error: Exception) -> Response:
    reason = Reason.MEDIA_NOT_FOUND
    return _answer(NotFoundError("no such path", reason=reason))


async def _internal_error(_: Request, _error: Exception) -> Response:
    reply = error_reply(internal_status()[1])
    return Response(reply.body, reply.status, dict(reply.headers))
