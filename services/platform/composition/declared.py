"""What a service opens, held to what it declares: neither more nor less."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from services.platform.bus.port import Message, Publisher, RefusedError, Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec, server_of

__all__ = ["Declared", "TopicPublisher", "UndeclaredError"]

CACHE: Final = "the cache"
AUDIT: Final = "the audit log"
FLAGS: Final = "flags"
QUEUES: Final = "all queues"


class UndeclaredError(Exception):
    """A service opens what its declaration lacks: a fault of its code, found at its start."""


class Declared:
    """Refuses what a service does not declare, and notes what of its declaration it has opened."""

    def __init__(self, spec: ServiceSpec) -> None:
        self.spec = spec
        self._wanted = _wanted(spec)
        self._opened: set[str] = set()

    @property
    def unopened(self) -> Sequence[str]:
        """What is declared, and was not asked for so far."""
        return sorted(self._wanted.keys() - self._opened)

    def rows(self, owner: str, tables: Iterable[TableSpec]) -> None:
        """Require tables of `owner`: of the service itself, or of one whose rows it opens."""
        if owner != self.spec.name:
            self._open(f"rows of {owner}", "opens_rows_of")
            return
        for table in tables:
            self._open(f"table {table.name}", "tables")

    def topics(self, names: Iterable[str]) -> None:
        """Require topics to publish to."""
        for name in names:
            self._open(f"topic {name}", "topics")

    def subscription(self, subscription: Subscription) -> None:
        """Require a subscription to consume."""
        self._open(f"subscription {subscription.name}", "subscriptions")

    def queues(self) -> None:
        """Require the whole bus: every subscription's backlog and dead letters."""
        self._open(QUEUES, "keeps_pauses")

    def cache(self) -> None:
        """Require the cache."""
        self._open(CACHE, "uses_cache")

    def audit(self) -> None:
        """Require an audit log of its own decisions."""
        self._open(AUDIT, "keeps_audit")

    def flags(self) -> None:
        """Require the file of feature flags."""
        self._open(FLAGS, "flags")

    def secret(self, variable: str) -> None:
        """Require a secret, by its variable."""
        self._open(f"secret {variable}", "secrets")

    def sibling(self, name: str) -> None:
        """Require a sibling of which it calls one RPC at least."""
        self._open(f"client of {name}", "calls")

    def contracts(self, served: Collection[str]) -> None:
        """Require that just the declared contracts are served. Raises `UndeclaredError`."""
        if set(served) != set(self.spec.contracts):
            raise UndeclaredError(
                f"{self.spec.name} serves {_listed(served)}, and declares in its spec's "
                f"`contracts` {_listed(self.spec.contracts)}"
            )

    def _open(self, what: str, field: str) -> None:
        if what not in self._wanted:
            raise UndeclaredError(
                f"{self.spec.name} opens {what}, which is not in its spec's `{field}`"
            )
        self._opened.add(what)


def _wanted(spec: ServiceSpec) -> dict[str, None]:
    siblings = {server_of(call).name for call in spec.calls}
    return dict.fromkeys(
        [
            *(f"table {table.name}" for table in spec.tables),
            *(f"rows of {sibling}" for sibling in spec.opens_rows_of),
            *(f"topic {topic}" for topic in spec.topics),
            *(f"subscription {each.name}" for each in spec.subscriptions),
            *(f"secret {variable}" for variable in spec.secrets),
            *(f"client of {sibling}" for sibling in sorted(siblings)),
            *([QUEUES] if spec.operates_queues else []),
            *([CACHE] if spec.uses_cache else []),
            *([AUDIT] if spec.keeps_audit else []),
            *([FLAGS] if spec.flags else []),
        ]
    )


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


class TopicPublisher:
    """Publishes to some topics, and refuses all others as a bus refuses what it can never take."""

    def __init__(self, publisher: Publisher, topics: Collection[str]) -> None:
        self._publisher = publisher
        self._topics = frozenset(topics)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish as the `Publisher` beneath does; `RefusedError` for another topic."""
        if topic not in self._topics:
            among = _listed(self._topics)
            raise RefusedError(f"topic {topic!r} is not one that this was opened for: {among}")
        await self._publisher.publish(topic, messages)
