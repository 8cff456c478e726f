"""Feature flags of a process, from its file."""

from pathlib import Path
from typing import Final

import openfeature.api

from services.platform.flags.provider import FileProvider
from services.platform.flags.reading import Flags
from services.platform.flags.watch import FlagFile
from services.platform.runtime.loops import Loops

__all__ = ["open_flags"]

DOMAIN: Final = "aviary"
"""So that a library's own flags come from elsewhere."""


async def open_flags(file: Path | None, loops: Loops) -> Flags:
    """Read the file, and keep reading it until the process ends; once a process."""
    provider = FileProvider()
    openfeature.api.set_provider_and_wait(provider, DOMAIN)
    watched = FlagFile(file, provider)
    await loops.opened("flags", watched)
    return Flags(openfeature.api.get_client(DOMAIN))
