"""The media service."""

import secrets
from collections.abc import Sequence
from typing import Final

from aviary.media.v1 import media_service_pb2

from services.media.attaching import Attaching
from services.media.blocked_hashes import BlockedHashes
from services.media.byte_routes import byte_routes
from services.media.clamd import ClamdScanner
from services.media.clients import TweetClient, UserClient
from services.media.collecting import STEP_EVERY_S, Collecting
from services.media.consumers import MediaConsumers
from services.media.erasure import LATE_UPLOADS_MS, MediaErasure
from services.media.events import MediaEvents, decode_uploaded
from services.media.folder_bytes import FolderBytes
from services.media.image_worker import ThreadedImages
from services.media.media_metrics import MediaMetrics
from services.media.ports import MediaBytes, Scanner
from services.media.processing import Processing
from services.media.quarantine import QuarantineDesk
from services.media.removal import Removal
from services.media.servicer import MediaServicer
from services.media.spec import (
    ERASURE,
    FOLDER,
    MEDIA_EVENTS,
    OUTBOX,
    PROCESSING,
    SPEC,
    TWEETS,
)
from services.media.store import RowMediaStore
from services.media.uploads import Uploads
from services.media.urls import UrlSigner
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.composition.security import listener_tls
from services.platform.config.settings import Settings, SettingsError
from services.platform.erasure import Settling
from services.platform.files import owner_only
from services.platform.http.listener import Listener
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.user.spec import GONE

__all__ = ["build"]

KEY_BYTES: Final = 32


async def build(deps: Dependencies) -> Served:
    """Keep facts in rows, with an outbox, and bytes in a folder; look at them behind the bus."""
    owner_only.umask()
    settings = deps.settings
    rows = await deps.rows(SPEC.name, SPEC.tables)
    store = RowMediaStore(rows, await deps.outbox(rows, OUTBOX, MEDIA_EVENTS))
    drawn = (secrets.token_bytes(KEY_BYTES),)
    signer = UrlSigner(
        settings.issuer_url, deps.secret(settings.cursor_key) or (lambda: drawn), deps.clock
    )
    folder = FolderBytes(settings.data_dir / FOLDER, signer)
    media_bytes = _bytes(deps, folder)
    users = await deps.client("user", UserClient)
    tweets = await deps.client("tweet", TweetClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_node, GONE, known))
    images = ThreadedImages()
    deps.stack.callback(images.close)
    counters = MediaMetrics()
    removal = Removal(store, media_bytes, tweets)
    processing = Processing(
        store=store,
        media_bytes=media_bytes,
        images=images,
        scanners=_scanners(settings),
        removal=removal,
        clock=deps.clock,
        metrics=counters,
    )
    uploads = Uploads(store, media_bytes, MediaEvents(), await deps.ids(), known)
    consumers = MediaConsumers(
        decode_uploaded,
        processing,
        removal,
        MediaErasure(store, removal, Settling(LATE_UPLOADS_MS, deps.clock)),
        users,
    )
    await deps.consume(PROCESSING, consumers.uploaded)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    await deps.consume(ERASURE, consumers.user_deleted)
    collecting = Collecting(
        store=store,
        removal=removal,
        tweets=tweets,
        clock=deps.clock,
        metrics=counters,
        after_s=settings.media_orphan_s,
    )
    deps.loops.run("unneeded pictures", collecting.step, every_s=STEP_EVERY_S)
    tls = await listener_tls(SPEC, settings, deps.security, deps.loops)
    web = byte_routes(store, uploads, folder, signer)
    listener = Listener(settings.media_http_address, web, tls)
    await deps.loops.opened("media-http", listener, intake=True)
    servicer = MediaServicer(uploads, Attaching(store), QuarantineDesk(store, media_bytes, removal))
    return [Servicer(service_of(media_service_pb2.DESCRIPTOR), servicer)]


def _scanners(settings: Settings) -> Sequence[Scanner]:
    """Make those that are set, the cheapest first. Raises SettingsError."""
    found: list[Scanner] = []
    if settings.media_blocked_hashes_file is not None:
        try:
            found.append(BlockedHashes(settings.media_blocked_hashes_file))
        except (OSError, ValueError) as error:
            raise SettingsError(
                "AVIARY_MEDIA_BLOCKED_HASHES_FILE",
                got=str(settings.media_blocked_hashes_file),
                wanted=f"a list of SHA-256: {error}",
            ) from error
    if settings.media_clamd_address is not None:
        found.append(ClamdScanner(settings.media_clamd_address))
    return found


def _bytes(deps: Dependencies, folder: FolderBytes) -> MediaBytes:
    """Take a bucket where one is set, else the folder."""
    if deps.settings.media_bucket is None:
        return folder
    # Only who has a bucket pays for the import.
    from services.media.bucket_bytes import open_bucket  # noqa: PLC0415

    return open_bucket(deps.settings.media_bucket, deps.clock)
