"""What all Valkey adapters share: the client, and its errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry as BlockingRetry

from services.platform.errors import UnavailableError
from services.platform.valkey.cache_metrics import count_unavailable
from services.platform.valkey.lines import ValkeyCluster, ValkeyNode

__all__ = [
    "ValkeyClient",
    "open_blocking",
    "open_node",
    "open_valkey",
    "password_file_of",
    "valkey_errors",
]

ValkeyClient = ValkeyNode | ValkeyCluster
"""A client made with `decode_responses=False`: ids and blobs are bytes."""


_CLUSTER_OPTION = "cluster"
_PASSWORD_OPTION = "password_file"  # noqa: S105 - a name


def open_valkey(
    url: str,
    *,
    timeout_s: float,
    node_client: type[ValkeyNode] = ValkeyNode,
    cluster_client: type[ValkeyCluster] = ValkeyCluster,
) -> ValkeyClient:
    """Make a client that tries once and waits `timeout_s`; the caller closes it.

    `?cluster=true` in the URL says that it names a node of a cluster; then it is of
    `cluster_client`, else of `node_client`.
    `?password_file=/path` says where the password is, which is read for each new connection.
    The server is not asked, so that a process starts, in the right mode, while it is away.
    """
    plain, cluster, credentials = _split(url)
    client = cluster_client if cluster else node_client
    return cast("ValkeyClient", client.from_url(plain, **_options(timeout_s), **credentials))


def open_node(url: str, *, timeout_s: float) -> Redis:
    """Make a client of the one node that the URL names, of a cluster or not."""
    plain, _, credentials = _split(url)
    opened: Redis = Redis.from_url(plain, **_options(timeout_s), **credentials)
    return opened


def open_blocking(url: str, *, timeout_s: float) -> BlockingRedis:
    """Make a client of that node for who has no event loop: commands, and tests."""
    plain, _, credentials = _split(url)
    options = _options(timeout_s) | {"retry": BlockingRetry(NoBackoff(), 0)}
    opened: BlockingRedis = BlockingRedis.from_url(plain, **options, **credentials)
    return opened


def password_file_of(url: str) -> str | None:
    """Say which file a URL wants its password from, None where it names none."""
    return dict(parse_qsl(urlsplit(url).query)).get(_PASSWORD_OPTION)


class _PasswordFile(CredentialProvider):
    """Asked by the client library for each new connection; those that are open stay so."""

    def __init__(self, path: Path, user: str | None) -> None:
        self._path = path
        self._user = (user,) if user else ()

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        return (*self._user, self._path.read_text().strip())

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def _split(url: str) -> tuple[str, bool, Mapping[str, Any]]:
    """(the URL as the client library knows it, whether it names a cluster, further options)."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    cluster = options.pop(_CLUSTER_OPTION, "false") == "true"
    file = options.pop(_PASSWORD_OPTION, None)
    credentials = {}
    if file is not None:
        credentials = {"credential_provider": _PasswordFile(Path(file), parts.username)}
        # The library takes a user here or there, not both.
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return parts._replace(query=urlencode(options)).geturl(), cluster, credentials


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "decode_responses": False,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
    }


@contextmanager
def valkey_errors() -> Iterator[None]:
    """Turn the client library's errors into `UnavailableError`, and count them."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        count_unavailable(error)
        raise UnavailableError("the hot store cannot answer now") from error
