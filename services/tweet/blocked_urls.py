"""A list of URLs that must not be spread, in a file."""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from services.platform.config.settings import Settings, SettingsError
from services.platform.files.watched_file import WatchedFile
from services.platform.observability.log_events import (
    EVENT_TWEET_URLS_FAILED,
    EVENT_TWEET_URLS_RELOADED,
)
from services.platform.text.canonical_urls import canonical_url, expressions, loose_urls
from services.tweet.model import Tweet

__all__ = ["LOOK_EVERY_S", "BlockedUrls", "UrlList", "open_scanner", "parse_urls"]

LOOK_EVERY_S: Final = 2.0
DIGEST_DIGITS: Final = 64
_DIGEST: Final = "sha256:"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UrlList:
    """What is blocked: to each expression, or its digest, a label."""

    labels: Mapping[str, str]
    digests: Mapping[str, str]
    version: str
    """The same for lists that block the same."""

    def label_of(self, url: str) -> str | None:
        """Say by which entry a URL is blocked; None where it is not."""
        place = canonical_url(url)
        if place is None:
            return None
        for each in expressions(place):
            label = self.labels.get(each)
            if label is None and self.digests:
                label = self.digests.get(hashlib.sha256(each.encode()).hexdigest())
            if label is not None:
                return label
        return None


class BlockedUrls:
    """A `Scanner` that goes by the file at `path`, as it was at the last look.

    A file that cannot be read, or has a line that is wrong, leaves the last good list in force.
    Raises ValueError or OSError if it cannot be used now.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, parse_urls, changed=_reloaded, failed=_failed)
        self._list = self._file()

    async def look(self) -> None:
        """Look at the file. Lists are long, and are read in a thread, as others wait here."""
        self._list = await asyncio.to_thread(self._file)

    @property
    def version(self) -> str:
        """Say which list is in force."""
        return self._list.version

    async def scan(self, tweet: Tweet) -> str | None:
        """Give the label of the first URL of the text that is on the list; None for none."""
        blocked = self._list
        for url in dict.fromkeys(_urls_of(tweet)):
            if (label := blocked.label_of(url)) is not None:
                return f"URL list: {label}"
            # The longest URL takes milliseconds, and a tweet has eleven: others get their turn.
            await asyncio.sleep(0)
        return None


def parse_urls(text: str) -> UrlList:
    """Read lines of a domain, a URL or a digest and, behind a blank, a label.

    A domain is blocked with all in it, a URL with all below its path, and `sha256:` with 64 hex
    digits is the digest of either in canonical form, such as `example.com/path`. Lines that begin
    with `#` are comments.
    """
    labels: dict[str, str] = {}
    digests: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry, *said = line.split(maxsplit=1) or [""]
        if not entry or entry.startswith("#"):
            continue
        label = said[0].strip() if said else "unnamed"
        if entry.lower().startswith(_DIGEST):
            digests[_digest(entry[len(_DIGEST) :].lower(), number)] = label
        elif (place := canonical_url(entry)) is None:
            raise ValueError(f"line {number} begins with no domain, URL or digest")
        else:
            labels["".join(place)] = label
    blocked = "\n".join([*sorted(labels), "", *sorted(digests)])
    return UrlList(labels, digests, hashlib.sha256(blocked.encode()).hexdigest())


def open_scanner(settings: Settings) -> BlockedUrls | None:
    """Open the list that is set, if one is. Raises SettingsError."""
    path = settings.tweet_blocked_urls_file
    if path is None:
        return None
    try:
        return BlockedUrls(path)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "AVIARY_TWEET_BLOCKED_URLS_FILE", got=str(path), wanted=f"a list of URLs: {error}"
        ) from error


def _digest(digits: str, number: int) -> str:
    if len(digits) != DIGEST_DIGITS or digits.strip("0123456789abcdef"):
        raise ValueError(f"line {number} has no SHA-256 in hex")
    return digits


def _urls_of(tweet: Tweet) -> Iterator[str]:
    """Give what clients make links of, and what browsers would: that is more."""
    for entity in tweet.entities.urls:
        yield entity.url
    yield from loose_urls(tweet.text)


def _reloaded(urls: UrlList) -> None:
    _log.info(EVENT_TWEET_URLS_RELOADED, urls=len(urls.labels) + len(urls.digests))


def _failed(error: Exception) -> None:
    _log.warning(EVENT_TWEET_URLS_FAILED, error=str(error))
