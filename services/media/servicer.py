"""`MediaService` over gRPC: translates, calls, translates."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, Final, TypeAlias

from aviary.media.v1 import media_pb2, media_ref_pb2
from aviary.media.v1 import media_service_pb2 as pb
from grpc.aio import ServicerContext

from services.media.attaching import Attaching
from services.media.model import Image, Media, Rejection
from services.media.quarantine import QuarantineDesk
from services.media.uploads import ShownMedia, Uploads
from services.platform.rpc.created import location
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["MediaServicer"]

UPLOAD_METHOD: Final = "PUT"

_Context: TypeAlias = "ServicerContext[Any, Any]"


class MediaServicer:
    """The RPCs of `aviary.media.v1.MediaService`; domain errors pass through."""

    def __init__(self, uploads: Uploads, attaching: Attaching, desk: QuarantineDesk) -> None:
        self._uploads = uploads
        self._attaching = attaching
        self._desk = desk

    async def CreateUpload(
        self, request: pb.CreateUploadRequest, context: _Context
    ) -> pb.CreateUploadResponse:
        """Make room for a picture. The initial metadata has its path."""
        media_id, target = await self._uploads.create(
            request.user_id,
            content_type=request.content_type,
            size=request.size,
            alt_text=request.alt_text,
            request_id=request.request_id,
        )
        await context.send_initial_metadata((location("media", media_id),))
        return pb.CreateUploadResponse(
            media_id=media_id,
            upload_url=target.to.url,
            upload_method=UPLOAD_METHOD,
            upload_headers=[
                pb.UploadHeader(name=name, value=value) for name, value in target.headers.items()
            ],
            expires_at=to_timestamp(target.to.expires_at_ms),
        )

    async def GetMedia(self, request: pb.GetMediaRequest, context: _Context) -> pb.GetMediaResponse:
        """Read a picture."""
        shown = await self._uploads.get(request.media_id, request.user_id)
        return pb.GetMediaResponse(media=_to_proto(shown))

    async def AttachMedia(
        self, request: pb.AttachMediaRequest, context: _Context
    ) -> pb.AttachMediaResponse:
        """Bind pictures to a tweet."""
        refs = await self._attaching.attach(request.user_id, request.tweet_id, request.media_ids)
        return pb.AttachMediaResponse(
            media_refs=[
                media_ref_pb2.MediaRef(
                    media_id=each.media_id,
                    content_type=each.content_type,
                    width=each.width,
                    height=each.height,
                    blurhash=each.blurhash,
                    alt_text=each.alt_text or None,
                )
                for each in refs
            ]
        )

    async def ListQuarantined(
        self, request: pb.ListQuarantinedRequest, context: _Context
    ) -> pb.ListQuarantinedResponse:
        """List what is hidden."""
        found = await self._desk.listed(request.after_media_id, request.limit)
        return pb.ListQuarantinedResponse(media=[_hidden(media) for media in found])

    async def ClearMedia(
        self, request: pb.ClearMediaRequest, context: _Context
    ) -> pb.ClearMediaResponse:
        """Show a picture again."""
        await self._desk.clear(request.media_id)
        return pb.ClearMediaResponse()

    async def RemoveMedia(
        self, request: pb.RemoveMediaRequest, context: _Context
    ) -> pb.RemoveMediaResponse:
        """Delete a picture."""
        await self._desk.remove(request.media_id)
        return pb.RemoveMediaResponse()


def _to_proto(shown: ShownMedia) -> media_pb2.Media:
    media, upload = shown.media, shown.media.upload
    answer = media_pb2.Media(
        media_id=upload.media_id,
        user_id=upload.user_id,
        status=media.status.value,
        created_at=to_timestamp(upload.created_at_ms),
        alt_text=upload.alt_text or None,
    )
    match media.outcome:
        case Rejection():
            answer.rejection = media.outcome.value
        case Image() as image:
            answer.content_type, answer.blurhash = image.content_type, image.blurhash
            answer.width, answer.height, answer.sha256 = image.width, image.height, image.sha256
            answer.variants.extend(_variants(image, shown))
        case None:
            pass
    return answer


def _variants(image: Image, shown: ShownMedia) -> list[media_pb2.MediaVariant]:
    return [
        media_pb2.MediaVariant(
            name=variant.name,
            url=at.url,
            content_type=variant.content_type,
            width=variant.width,
            height=variant.height,
            expires_at=to_timestamp(at.expires_at_ms),
        )
        # There are none where it cannot be shown.
        for variant, at in zip(image.variants, shown.urls, strict=False)
    ]


def _hidden(media: Media) -> pb.QuarantinedMedia:
    why = media.quarantine
    assert why is not None  # noqa: S101 - what is listed is hidden
    return pb.QuarantinedMedia(
        media_id=media.upload.media_id,
        user_id=media.upload.user_id,
        reason=why.reason,
        quarantined_at=to_timestamp(why.at_ms),
        tweet_id=media.holder if media.is_attached else None,
    )
