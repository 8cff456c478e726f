"""Where what an RPC has made is: said in its initial metadata, and over REST in a header.

An RPC that does so is marked in the contract (`aviary.edge.v1.creates`), by which the edge and the
services' own HTTP listeners answer 201.
"""

from typing import Final

__all__ = ["CREATED_STATUS", "LOCATION_KEY", "location"]

CREATED_STATUS: Final = 201
LOCATION_KEY: Final = "location"


def location(collection: str, made_id: int) -> tuple[str, str]:
    """Give the metadata that names the path of what was made: `/v1/tweets/7`."""
    return LOCATION_KEY, f"/v1/{collection}/{made_id}"
