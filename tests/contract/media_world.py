"""A process of the media service on real rows and real bytes, with tweets and users made up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.media.attaching import Attaching
from services.media.collecting import Collecting
from services.media.consumers import MediaConsumers
from services.media.erasure import LATE_UPLOADS_MS, MediaErasure
from services.media.events import MediaEvents, decode_uploaded
from services.media.folder_bytes import FolderBytes
from services.media.image_worker import ImageProcesses
from services.media.media_metrics import MediaMetrics
from services.media.model import Media
from services.media.ports import Scanner
from services.media.processing import Processing
from services.media.quarantine import QuarantineDesk
from services.media.removal import Removal
from services.media.showing import Showing
from services.media.spec import OUTBOX
from services.media.store import RowMediaStore
from services.media.uploads import Uploads
from services.media.urls import UrlSigner
from services.platform.erasure import Settling
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.visibility.seen import TweetFacts
from tests.pictures import picture
from tests.sights import SetSights
from tests.unit.graph.world import ClockIds, MovableClock

ADA, BOB = 11, 12
ORPHAN_S = 86_400
ORIGIN = "http://127.0.0.1:8080"
KEY = b"k" * 32


@dataclass
class Known:
    """Every tweet, or user, but the deleted."""

    deleted: set[int] = field(default_factory=set)
    asked: list[list[int]] = field(default_factory=list)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        self.asked.append(list(ids))
        return [each for each in ids if each in self.deleted]


class Finding:
    """A scanner that finds what its test says."""

    def __init__(self) -> None:
        self.found: str | None = None
        self.fails: Exception | None = None

    async def scan(self, _data: bytes, _sha256: str) -> str | None:
        if self.fails is not None:
            raise self.fails
        return self.found


class Holders:
    """Tweets that are for everybody, unless said, but the deleted."""

    def __init__(self, tweets: Known, made_for: dict[int, TweetFacts]) -> None:
        self._tweets = tweets
        self._made_for = made_for

    async def facts(self, tweet_id: int) -> TweetFacts | None:
        if tweet_id in self._tweets.deleted:
            return None
        return self._made_for.get(tweet_id, TweetFacts(1))


class World:
    """One process; `worker` tells it from others on the same rows and folder."""

    def __init__(
        self,
        rows: RowStore,
        folder: Path,
        worker: int = 1,
        clock: MovableClock | None = None,
    ) -> None:
        self.rows, self.clock, self.folder = rows, clock or MovableClock(), folder
        self.tweets, self.users, self.scanner = Known(), Known(), Finding()
        self.outbox = Outbox(rows, self.clock, OUTBOX)
        self.store = RowMediaStore(rows, self.outbox)
        self.keys = [KEY]
        self.signer = UrlSigner(ORIGIN, lambda: self.keys, self.clock)
        self.bytes = FolderBytes(folder, self.signer)
        self.ids = ClockIds(self.clock, worker)
        self.images = ImageProcesses()
        self.sights, self.made_for = SetSights(), dict[int, TweetFacts]()
        self.removal = Removal(self.store, self.bytes, self.tweets)
        self.uploads = Uploads(
            self.store,
            self.bytes,
            MediaEvents(),
            self.ids,
            self.users,
            Showing(Holders(self.tweets, self.made_for), self.sights),
        )
        self.attaching = Attaching(self.store)
        self.desk = QuarantineDesk(self.store, self.bytes, self.removal)
        self.collecting = Collecting(
            store=self.store,
            removal=self.removal,
            tweets=self.tweets,
            clock=self.clock,
            metrics=MediaMetrics(),
            after_s=ORPHAN_S,
        )
        scanners: Sequence[Scanner] = [self.scanner]
        self.consumers = MediaConsumers(
            decode_uploaded,
            Processing(
                store=self.store,
                media_bytes=self.bytes,
                images=self.images,
                scanners=scanners,
                removal=self.removal,
                clock=self.clock,
                metrics=MediaMetrics(),
            ),
            self.removal,
            MediaErasure(self.store, self.removal, Settling(LATE_UPLOADS_MS, self.clock)),
            self.users,
        )

    async def room(self, user_id: int = ADA, **said: object) -> int:
        """Make room for a picture."""
        wanted = {"content_type": "", "size": 0, "alt_text": "", **said}
        media_id, _ = await self.uploads.create(user_id, **wanted)  # type: ignore[arg-type]
        return media_id

    async def send(self, media_id: int, data: bytes) -> None:
        """Send the bytes of a picture, as the listener takes them."""
        await self.bytes.receive(media_id, data)
        await self.uploads.arrived((await self.media(media_id)).upload)

    async def ready(self, user_id: int = ADA, data: bytes = b"", **said: object) -> int:
        """Have a picture that is ready."""
        media_id = await self.room(user_id, **said)
        await self.send(media_id, data or picture())
        await self.publish()
        return media_id

    async def publish(self) -> int:
        """Have all that waits published, handled and settled; gives how many messages."""
        entries = await self.outbox.pending(-60_000, 100_000)
        for entry in entries:
            await self.outbox.roll_forward(entry)
            await self.consumers.uploaded(entry.data)
        await self.outbox.settle([entry.id for entry in entries])
        return len(entries)

    async def media(self, media_id: int) -> Media:
        return (await self.store.get_many([media_id]))[media_id]

    async def is_gone(self, media_id: int) -> bool:
        """Whether there is neither a row of it, nor a file."""
        rows = await self.store.get_many([media_id])
        return not rows and await self.store.is_forgotten(media_id) and not self.files()

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]
