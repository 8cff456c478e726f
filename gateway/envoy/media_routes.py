"""The bytes of pictures, where they are in a folder: passed on as they come, by signed URLs.

The media service checks the signature; no token is looked at. Bodies are not held here, as those of
RPCs are: the service counts them while they arrive.
"""

from typing import Any, Final

from gateway.envoy.answer_figures import MEDIA
from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import ANSWERED_HERE, HTTP_FILTERS, typed
from gateway.envoy.observing import operation
from gateway.envoy.rest_routes import other_methods
from gateway.envoy.retries import READ_AGAIN
from gateway.envoy.upstreams import MEDIA_CLUSTER
from services.media.spec import UPLOADS_PATH, VARIANTS_PATH

__all__ = ["media_routes"]

BODY_LIMIT: Final = "envoy.filters.http.buffer"
UPLOAD_TIMEOUT: Final = "10s"
"""From its last byte until the service has it on the disk."""
_ID: Final = "[0-9]{1,19}"
_UPLOADS: Final = {"safe_regex": {"regex": f"{UPLOADS_PATH}{_ID}"}}
_VARIANTS: Final = {"safe_regex": {"regex": f"{VARIANTS_PATH}{_ID}/[a-z]{{1,20}}"}}
_UNHELD: Final = {BODY_LIMIT: typed(f"{HTTP_FILTERS}.buffer.v3.BufferPerRoute", disabled=True)}


def media_routes(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the routes of both; none where there is no listener."""
    if config.media_http is None:
        return []
    return [
        # Of an upload that was begun nobody can say how far it came; the client sends it again.
        _route(_UPLOADS, ("PUT",), {}, _UNHELD),
        *other_methods(_UPLOADS, ("PUT",), MEDIA_CLUSTER),
        _route(_VARIANTS, ("GET", "HEAD"), {"retry_policy": READ_AGAIN}, {}),
        *other_methods(_VARIANTS, ("GET", "HEAD"), MEDIA_CLUSTER),
    ]


def _route(
    path: dict[str, Any], verbs: tuple[str, ...], retried: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    taken = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(verbs)}}}
    return {
        "name": MEDIA,
        **operation(MEDIA),
        "match": {**path, "headers": [taken]},
        "route": {"cluster": MEDIA_CLUSTER, "timeout": UPLOAD_TIMEOUT, **retried},
        "typed_per_filter_config": {**ANSWERED_HERE, **settings},
    }
