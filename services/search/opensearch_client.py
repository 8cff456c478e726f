"""A client of OpenSearch, and its errors."""

import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from opensearchpy import AsyncHttpConnection, AsyncOpenSearch
from opensearchpy.exceptions import ConnectionError as NoConnectionError
from opensearchpy.exceptions import (
    ConnectionTimeout,
    OpenSearchException,
    RequestError,
    TransportError,
)
from urllib3 import make_headers

from services.platform.errors import UnavailableError

__all__ = ["open_client", "opensearch_errors"]

SEARCH_TIMEOUT_S: Final = 2.0
"""Of what somebody waits for; less than a caller waits. Writes name their own."""
CONNECTIONS: Final = 20
"""At once; more searches wait for one of them."""
_LOGGERS: Final = ("opensearch", "opensearchpy.trace")
"""The client library's: they have what people search for. Failures are raised as well."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def open_client(url: str, *, timeout_s: float = SEARCH_TIMEOUT_S) -> AsyncOpenSearch:
    """Make a client that tries once; the caller closes it. The cluster is not asked.

    The URL is one that settings took (`SearchUrl`). A password in a file is read for each request.
    Raises `OSError` where a file of certificates cannot be read.
    """
    for each in _LOGGERS:
        logging.getLogger(each).setLevel(logging.CRITICAL)
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or DEFAULT_PORTS[parts.scheme],
        "url_prefix": parts.path.rstrip("/"),
    }
    if parts.scheme == "https":
        # Names and chains are verified: that is what such a context does.
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        host |= {"use_ssl": True, "ssl_context": context}
    if parts.username:
        password = unquote(parts.password or "")
        file = options.get("password_file")
        host["http_auth"] = _Login(unquote(parts.username), password, Path(file) if file else None)
    return AsyncOpenSearch(
        [host],
        connection_class=AsyncHttpConnection,
        pool_maxsize=CONNECTIONS,
        timeout=timeout_s,
        max_retries=0,
        retry_on_status=(),
    )


class _Login:
    """Asked by the client library for the headers of each request."""

    def __init__(self, user: str, password: str, file: Path | None) -> None:
        self._user = user
        self._password = password
        self._file = file

    def __call__(self, **_request: object) -> Mapping[str, str]:
        password = self._password if self._file is None else self._file.read_text().strip()
        return make_headers(basic_auth=f"{self._user}:{password}")


@contextmanager
def opensearch_errors() -> Iterator[None]:
    """Turn the client library's errors into `UnavailableError`, which says what it was.

    What OpenSearch takes for wrong (400) passes through: that is for who wrote the request.
    """
    try:
        yield
    except RequestError:
        raise
    except (OpenSearchException, OSError) as error:
        raise UnavailableError(f"the search index does not answer: {_named(error)}") from error


def _named(error: Exception) -> str:
    """Say what failed, without an address: callers see it."""
    match error:
        case ConnectionTimeout():
            return "timed out"
        case NoConnectionError(info=ssl.SSLError()):
            return "no connection that can be trusted"
        case NoConnectionError():
            return "no connection"
        case TransportError():
            return f"{error.status_code} {error.error}"
        case _:
            return type(error).__name__
