"""The scanners that settings name."""

from collections.abc import Sequence

from services.media.blocked_hashes import BlockedHashes
from services.media.clamd import ClamdScanner
from services.media.ports import Scanner
from services.platform.config.settings import Settings, SettingsError

__all__ = ["open_scanners"]


def open_scanners(settings: Settings) -> Sequence[Scanner]:
    """Make those that are set, the cheapest first. Raises SettingsError."""
    found: list[Scanner] = []
    if settings.media_blocked_hashes_file is not None:
        try:
            found.append(BlockedHashes(settings.media_blocked_hashes_file))
        except (OSError, ValueError) as error:
            raise SettingsError(
                "AVIARY_MEDIA_BLOCKED_HASHES_FILE",
                got=str(settings.media_blocked_hashes_file),
                wanted=f"a list of SHA-256: {error}",
            ) from error
    if settings.media_clamd_address is not None:
        found.append(ClamdScanner(settings.media_clamd_address))
    return found
