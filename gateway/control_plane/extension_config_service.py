"""Envoy's extension config discovery service (ECDS, of xDS): the edges' filters as they change.

An edge asks on a stream for each of the filters that label or refuse requests by what the gateway
knows (subjects of bad reputation, new accounts, flags, what was revoked), and is sent it anew when
it changes. So what is known of a subject costs a read a look into a map in Envoy's memory, and no
call.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import structlog
from aviary.envoy.v1 import envoy_pb2 as pb
from google.protobuf import any_pb2, json_format

from gateway.control_plane.list_metrics import ListMetrics
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.envoy.config import own_contracts
from gateway.envoy.kept_keys import KEPT_KEYS, KEPT_KEYS_TYPE, kept_keys_settings
from gateway.envoy.matching import RBAC_TYPE
from gateway.envoy.public_reads import FILTER as PUBLIC_READS
from gateway.envoy.public_reads import public_read_settings
from gateway.envoy.revoked import revoked_filter, revoked_settings
from gateway.envoy.subject_labels import age_settings, discovered_names, reputation_settings
from gateway.limits.budgets import Reputation, Subject
from gateway.limits.table import NEW_ACCOUNT_DAYS
from services.platform.ids.snowflake_time import first_id_at
from services.platform.observability.log_events import EVENT_LIMITS_FEED_REFUSED
from services.platform.rpc.interceptors import Context
from services.platform.runtime.background import Background
from services.platform.runtime.clock import Clock
from services.platform.tokens.edge_lists import MAX_LISTED
from services.platform.tokens.revocations import Revocable, Revoked
from services.platform.tokens.revoked_store import RevokedStore

__all__ = ["ExtensionConfigServicer", "Sources"]

_log = structlog.get_logger()

REFRESH_S = 1.0
"""How late the edges learn of a subject at most; and no edge gets more than one update a second."""

_MS_PER_HOUR = 3_600_000
_MS_PER_DAY = 24 * _MS_PER_HOUR
_TYPES = "type.googleapis.com/"
_CONFIG_TYPE = f"{_TYPES}envoy.config.core.v3.TypedExtensionConfig"
_STRUCT_TYPE = f"{_TYPES}xds.type.v3.TypedStruct"


class Sources(NamedTuple):
    """Where the filters' configurations come from."""

    reputation: ReputationStore
    revoked: RevokedStore
    public_reads: Callable[[], bool]
    """Whether they need no token, now."""
    key_sets: Callable[[], Mapping[str, str]] = dict
    """The issuer's, by their paths; empty while none are known."""
    withdrawn_keys: Callable[[], frozenset[str] | None] = frozenset
    """The `kid` of each; None while it is not known whether there are any."""


class ExtensionConfigServicer:
    """Keeps the filters' configurations of the moment, and streams them to the edges that ask."""

    def __init__(
        self,
        sources: Sources,
        clock: Clock,
        rules: ReputationRules,
        *,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._rules = rules
        self._known: dict[str, object] = {}
        self._lengths = ListMetrics()
        self._revocations: str = revoked_filter()["name"]
        self._revoked: Mapping[Revocable, Revoked] | None = None
        # What was revoked has no resource until it is known: an empty one would take from edges
        # what they were sent before this process began.
        self._resources = {name: _resource(name, {}) for name in discovered_names()}
        settings = _public_reads(opened=sources.public_reads())
        self._resources[PUBLIC_READS] = _resource(PUBLIC_READS, settings)
        self._versions = dict.fromkeys(self._resources, 0)
        self._changed = asyncio.Event()
        self._refreshing = Background("extension-configs", self.refresh, every_s=refresh_s)

    async def start(self) -> None:
        """Look for changes every `refresh_s` from now on."""
        self._refreshing.start()

    async def stop(self) -> None:
        """Stop looking for changes."""
        await self._refreshing.stop()

    def holds(self) -> bool:
        """Whether it goes on looking."""
        return self._refreshing.holds()

    async def refresh(self) -> None:
        """Look once. Raises `UnavailableError` while Valkey is away: all stays as it was known."""
        opened = self._sources.public_reads()
        await self._refresh_filter(PUBLIC_READS, opened, lambda: _public_reads(opened=opened))
        await self._refresh_keys()
        # Before Valkey is asked, which withdrawn keys do not wait for.
        await self._refresh_revoked()
        await self._read_revoked()
        for name, subject in discovered_names().items():
            if subject is None:
                first_new_id = self._first_new_id()
                await self._refresh_filter(name, first_new_id, age_settings, first_new_id)
            else:
                subjects = await self._subjects(subject)
                await self._refresh_filter(name, subjects, reputation_settings, subject, subjects)

    async def _refresh_keys(self) -> None:
        # As with what was revoked: none are sent until there are some.
        if sets := self._sources.key_sets():
            await self._refresh_filter(
                KEPT_KEYS, dict(sets), kept_keys_settings, sets, message=KEPT_KEYS_TYPE
            )

    async def _read_revoked(self) -> None:
        revoked = await self._sources.revoked.listed()
        if revoked is None:
            return
        for kind, listed in revoked.items():
            full = listed.issued_by_s is not None
            self._lengths.seen(f"revoked_{kind.name.lower()}", len(listed.names), full=full)
        self._revoked = revoked
        await self._refresh_revoked()

    async def _refresh_revoked(self) -> None:
        revoked, withdrawn = self._revoked, self._sources.withdrawn_keys()
        if revoked is None or withdrawn is None:
            return
        known = (revoked, withdrawn)
        await self._refresh_filter(self._revocations, known, revoked_settings, revoked, withdrawn)

    async def _refresh_filter(
        self,
        name: str,
        known: object,
        settings: Callable[..., dict[str, Any]],
        *arguments: object,
        message: str = RBAC_TYPE,
    ) -> None:
        if known == self._known.get(name):
            return
        # In a thread: thousands of subjects take tens of milliseconds, and writes wait for answers.
        self._resources[name] = await asyncio.to_thread(
            lambda: _resource(name, settings(*arguments), message)
        )
        self._known[name] = known
        self._versions[name] = self._versions.get(name, 0) + 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def StreamExtensionConfigs(  # noqa: N802 - the name of the RPC
        self,
        request_iterator: AsyncIterator[pb.DiscoveryRequest],
        context: Context,  # noqa: ARG002 - the signature gRPC calls
    ) -> AsyncIterator[pb.DiscoveryResponse]:
        """Send each filter that the edge asks for, and again when it changes."""
        wanted: set[str] = set()
        asked = asyncio.Event()
        reading = asyncio.create_task(self._read(request_iterator, wanted, asked))
        sent: dict[str, int] = {}
        try:
            while not reading.done():
                asked.clear()
                changed = self._changed
                for name in sorted(wanted & self._versions.keys()):
                    if sent.get(name) != self._versions[name]:
                        sent[name] = self._versions[name]
                        yield self._response(name)
                await _first_of(asked.wait(), changed.wait(), reading)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(
        self,
        requests: AsyncIterator[pb.DiscoveryRequest],
        wanted: set[str],
        asked: asyncio.Event,
    ) -> None:
        async for request in requests:
            if request.HasField("error_detail"):
                _log.error(EVENT_LIMITS_FEED_REFUSED, error=request.error_detail.message)
            wanted.update(request.resource_names)
            asked.set()

    def _response(self, name: str) -> pb.DiscoveryResponse:
        version = str(self._versions[name])
        return pb.DiscoveryResponse(
            version_info=version,
            type_url=_CONFIG_TYPE,
            nonce=version,
            resources=[self._resources[name]],
        )

    async def _subjects(self, subject: Subject) -> dict[str, Reputation]:
        now_ms = self._clock.now_ms()
        listed = await self._sources.reputation.listed(subject)
        full = len(listed) >= MAX_LISTED
        self._lengths.seen(f"reputation_{subject}", len(listed), full=full)
        return {who: self._rules.reputation(moment, now_ms) for who, moment in listed.items()}

    def _first_new_id(self) -> int:
        # By the hour, so that the edges are not sent another all the time.
        now_ms = self._clock.now_ms() // _MS_PER_HOUR * _MS_PER_HOUR
        return first_id_at(now_ms - NEW_ACCOUNT_DAYS * _MS_PER_DAY)


def _public_reads(*, opened: bool) -> dict[str, Any]:
    return public_read_settings(own_contracts().public, opened=opened)


def _resource(name: str, settings: Mapping[str, Any], message: str = RBAC_TYPE) -> any_pb2.Any:
    struct = pb.TypedStruct(type_url=message)
    json_format.ParseDict(dict(settings), struct.value)
    inner = any_pb2.Any(type_url=_STRUCT_TYPE, value=struct.SerializeToString())
    config = pb.TypedExtensionConfig(name=name, typed_config=inner)
    return any_pb2.Any(type_url=_CONFIG_TYPE, value=config.SerializeToString())


async def _first_of(*waits: Any) -> None:  # noqa: ANN401 - coroutines and a task
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:  # an edge that is gone has the call cancelled here
        for task in tasks[:-1]:  # the last one is the reader's, which lives on
            task.cancel()
