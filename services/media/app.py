"""The media service."""

import secrets
from typing import Final

from aviary.media.v1 import media_service_pb2

from services.media.attaching import Attaching
from services.media.bucket import open_bucket
from services.media.byte_routes import byte_routes, no_routes
from services.media.clients import TweetClient, UserClient
from services.media.collecting import STEP_EVERY_S, Collecting
from services.media.consumers import MediaConsumers
from services.media.erasure import LATE_UPLOADS_MS, MediaErasure
from services.media.events import MediaEvents, decode_uploaded
from services.media.folder_bytes import FolderBytes
from services.media.image_worker import ImageProcesses
from services.media.media_metrics import MediaMetrics
from services.media.processing import Processing
from services.media.quarantine import QuarantineDesk
from services.media.removal import Removal
from services.media.scanners import open_scanners
from services.media.servicer import MediaServicer
from services.media.showing import Showing
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
from services.platform.config.secret_keys import SecretKeys
from services.platform.erasure import Settling
from services.platform.files import owner_only
from services.platform.http.listener import Listener
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.user.spec import GONE

__all__ = ["build"]

KEY_BYTES: Final = 32


async def build(deps: Dependencies) -> Served:
    """Keep facts in rows, with an outbox, and bytes where they are; look at them behind the bus."""
    owner_only.umask()
    settings = deps.settings
    rows = await deps.rows(SPEC.name, SPEC.tables)
    store = RowMediaStore(rows, await deps.outbox(rows, OUTBOX, MEDIA_EVENTS))
    users = await deps.client("user", UserClient)
    tweets = await deps.client("tweet", TweetClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    signer = UrlSigner(settings.issuer_url, _keys(deps), deps.clock)
    folder = None if settings.media_bucket else FolderBytes(settings.data_dir / FOLDER, signer)
    media_bytes = folder or open_bucket(settings.media_bucket or "", deps.clock)
    metrics = MediaMetrics()
    removal = Removal(store, media_bytes, tweets)
    showing = Showing(tweets, await deps.client("graph", SightClient))
    uploads = Uploads(store, media_bytes, MediaEvents(), await deps.ids(), known, showing)
    processing = Processing(
        store=store,
        media_bytes=media_bytes,
        images=ImageProcesses(),
        scanners=open_scanners(settings),
        removal=removal,
        clock=deps.clock,
        metrics=metrics,
    )
    erasure = MediaErasure(store, removal, Settling(LATE_UPLOADS_MS, deps.clock))
    consumers = MediaConsumers(decode_uploaded, processing, removal, erasure, users)
    await deps.consume(PROCESSING, consumers.uploaded)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    await deps.consume(ERASURE, consumers.user_deleted)
    collecting = Collecting(
        store=store,
        removal=removal,
        tweets=tweets,
        clock=deps.clock,
        metrics=metrics,
        after_s=settings.media_orphan_s,
    )
    deps.loops.run("unneeded pictures", collecting.step, every_s=STEP_EVERY_S)
    web = no_routes() if folder is None else byte_routes(store, uploads, folder, signer)
    tls = await listener_tls(SPEC, settings, deps.security, deps.loops)
    listener = Listener(settings.media_http_address, web, tls)
    await deps.loops.opened("media-http", listener, intake=True)
    desk = QuarantineDesk(store, media_bytes, removal)
    servicer = MediaServicer(uploads, Attaching(store), desk)
    return [Servicer(service_of(media_service_pb2.DESCRIPTOR), servicer)]


def _keys(deps: Dependencies) -> SecretKeys:
    """Take the keys that sign, or draw one that lives with the process."""
    drawn = (secrets.token_bytes(KEY_BYTES),)
    return deps.secret(deps.settings.cursor_key) or (lambda: drawn)
