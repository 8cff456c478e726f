"""The dashboards: what is on them."""

from typing import Final

from tools.observability.boards import edge, fanout, requests, service_levels, stores

__all__ = ["BOARDS"]

BOARDS: Final = (
    service_levels.BOARD,
    requests.BOARD,
    fanout.BOARD,
    stores.BOARD,
    edge.BOARD,
)
