"""What a service declares of itself, and all that is declared."""

from services.platform.specs.discovery import all_specs, server_of
from services.platform.specs.flags import Flag, NumberFlag, SwitchFlag
from services.platform.specs.spec import ServiceSpec
from services.platform.specs.topology import all_subscriptions, all_topics, pauses_table

__all__ = [
    "Flag",
    "NumberFlag",
    "ServiceSpec",
    "SwitchFlag",
    "all_specs",
    "all_subscriptions",
    "all_topics",
    "pauses_table",
    "server_of",
]
