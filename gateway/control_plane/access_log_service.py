"""Envoy's access log service: edges report what happened in batches, and no request waits."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType

import grpc
import structlog
from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.keys import subject_key
from gateway.control_plane.reputation_store import ReputationStore
from gateway.control_plane.signals import REPEATED_POST_POINTS, SHARED_ADDRESS_POINTS, Seen, points
from gateway.envoy.config import own_contracts
from gateway.envoy.signals import DIGEST_TAG, GRPC_STATUS
from gateway.limits.budgets import Subject
from gateway.limits.table import CLASSES, IPV6_PREFIX_BITS
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_LIMITS_SIGNALS_LOST
from services.platform.rpc.end_user import USER_KEY
from services.platform.rpc.http_statuses import HTTP_STATUS
from services.platform.rpc.interceptors import Context
from services.platform.runtime.clock import Clock

__all__ = ["ACCOUNTS_OF_AN_ADDRESS", "AccessLogServicer", "masked"]

_log = structlog.get_logger()

ACCOUNTS_OF_AN_ADDRESS = 50
"""Accounts that one address may have in an hour: a large household or a small office writing."""

_IPV4_BITS = 32
_HTTP_OK = 200
_LEAST_FAULT = 500
_STATUS_OF_GRPC: Mapping[str, int] = MappingProxyType(
    {
        str(code.value[0]): HTTP_STATUS[code.name]
        for code in grpc.StatusCode
        if HTTP_STATUS.get(code.name, _LEAST_FAULT) < _LEAST_FAULT
    }
)
"""What a client did wrong, by the number of the gRPC status."""
_CHANGES = frozenset(rpc for one in CLASSES if one.is_shared for rpc in one.rpcs)
_WRITES = frozenset(
    path for rpc in own_contracts().public if rpc.name in _CHANGES for path in rpc.paths
)
"""Their paths. One of REST may be asked with another method, as by a page before it posts."""


class AccessLogServicer:
    """Turns batches of log entries into scores."""

    def __init__(self, store: ReputationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def StreamAccessLogs(  # noqa: N802 - the name of the RPC
        self,
        request_iterator: AsyncIterator[pb.StreamAccessLogsMessage],
        context: Context,  # noqa: ARG002 - the signature gRPC calls
    ) -> None:
        """Read what an edge reports until it goes."""
        async for message in request_iterator:
            entries = message.http_logs.log_entry
            batch = [seen for entry in entries if (seen := _seen(entry)) is not None]
            try:
                await self._score(batch)
            except UnavailableError:
                # Lost: scores are a help, and what goes on being wrong will be reported again.
                _log.warning(EVENT_LIMITS_SIGNALS_LOST, requests=len(batch))

    async def _score(self, batch: Sequence[Seen]) -> None:
        sums = points(batch, self._clock.now_ms())
        for who, more in await self._history_points(batch):
            sums[who] = sums.get(who, 0.0) + more
        await self._store.raise_scores(sums)

    async def _history_points(self, batch: Sequence[Seen]) -> list[tuple[str, float]]:
        """Give what only many requests together can say: repetition, and crowds at an address."""
        writes = [seen for seen in batch if seen.user and seen.is_write]
        posts = [(subject_key(Subject.USER, one.user), one.digest) for one in writes if one.digest]
        # Each pair once: only the first of a batch can be new.
        pairs = dict.fromkeys((subject_key(Subject.IP, one.address), one.user) for one in writes)
        repeats, accounts = await asyncio.gather(
            self._store.repeats(posts), self._store.accounts(list(pairs))
        )
        found = [
            (who, REPEATED_POST_POINTS)
            for (who, _), before in zip(posts, repeats, strict=True)
            if before
        ]
        found += [
            (address, SHARED_ADDRESS_POINTS)
            for (address, _), (count, is_new) in zip(pairs, accounts, strict=True)
            if is_new and count > ACCOUNTS_OF_AN_ADDRESS
        ]
        return found


def masked(address: str) -> str:
    """Give an address as the limits count it: `192.0.2.1/32`, `2001:db8::/64`."""
    ip = ipaddress.ip_address(address)
    bits = _IPV4_BITS if ip.version == 4 else IPV6_PREFIX_BITS  # noqa: PLR2004 - IPv4
    return str(ipaddress.ip_network((ip, bits), strict=False))


def _address(entry: pb.HttpAccessLogEntry) -> str:
    return entry.common_properties.downstream_remote_address.socket_address.address


def _status(response: pb.HttpResponseProperties) -> int:
    """Give the HTTP status, or that which says the same as what was answered by gRPC."""
    http = response.response_code.value
    if http != _HTTP_OK:
        return http
    by_grpc = response.response_headers.get(GRPC_STATUS) or response.response_trailers.get(
        GRPC_STATUS, ""
    )
    return _STATUS_OF_GRPC.get(by_grpc, http)


def _is_write(request: pb.HttpRequestProperties) -> bool:
    path = request.path.partition("?")[0]
    return path in _WRITES and request.request_method == pb.REQUEST_METHOD_POST


def _seen(entry: pb.HttpAccessLogEntry) -> Seen | None:
    """Read an entry; None without an address that one can be counted by.

    Without any it was no request: a connection that ended before it.
    """
    common, request = entry.common_properties, entry.request
    try:
        address = masked(_address(entry))
    except ValueError:
        return None
    return Seen(
        user=request.request_headers.get(USER_KEY, ""),
        address=address,
        status=_status(entry.response),
        is_write=_is_write(request),
        digest=common.custom_tags.get(DIGEST_TAG, ""),
    )
