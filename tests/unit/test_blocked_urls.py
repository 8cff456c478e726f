"""A list of URLs in a file, and what of a tweet is on it."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from services.platform.config.settings import Settings, SettingsError
from services.platform.text.entities import find_entities
from services.tweet.blocked_urls import BlockedUrls, UrlList, open_scanner, parse_urls
from services.tweet.model import Tweet

LIST = f"""
# phishing
Evil.com    case 7
https://user@good.com:443/~mallory/
sha256:{hashlib.sha256(b"hidden.com/x").hexdigest()} shared
b\u00fccher.com idn
"""


def tweet(text: str) -> Tweet:
    return Tweet(1 << 22, 7, text, 1_800_000_000_000, 0, 0, find_entities(text))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "urls"
    path.write_text(LIST)
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("go to evil.com now", "case 7"),
        ("go to https://a.b.evil.com/x?y now", "case 7"),
        ("https://good.com@evil.com", "case 7"),
        ("https://good.com/~mallory", "unnamed"),
        ("https://good.com/~mallory/shop?x=1", "unnamed"),
        ("https://good.com/x/../%7Emallory/shop", "unnamed"),
        ("https://hidden.com/x/y", "shared"),
        ("www.b\u00fccher.com", "idn"),
        ("xn--bcher-kva.com", "idn"),
    ],
)
async def test_what_is_on_the_list_is_found(file: Path, text: str, found: str) -> None:
    assert await BlockedUrls(file).scan(tweet(text)) == f"URL list: {found}"


@pytest.mark.parametrize(
    "text",
    [
        "no link",
        "notevil.com",
        "evil.com.org",
        "https://good.com/~malloryson",
        "https://good.com/",
        "https://hidden.com/",
        "https://other.com/?to=evil",
    ],
)
async def test_what_is_not_on_the_list_is_not_found(file: Path, text: str) -> None:
    assert await BlockedUrls(file).scan(tweet(text)) is None


async def test_another_file_is_another_list(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.platform.files.watched_file.LOOK_EVERY_S", 0.0)
    scanner = BlockedUrls(file)
    version = scanner.version
    replaced(file, "other.com\n")
    await scanner.look()
    assert await scanner.scan(tweet("other.com")) == "URL list: unnamed"
    assert await scanner.scan(tweet("evil.com")) is None
    assert scanner.version not in {version, ""}
    for wrong in ("https://\n", "sha256:12\n"):
        replaced(file, wrong)
        await scanner.look()
        assert await scanner.scan(tweet("other.com")) == "URL list: unnamed"
    # What blocks the same is the same, whatever its labels.
    replaced(file, LIST.replace("case 7", "case 8"))
    await scanner.look()
    assert scanner.version == version


async def test_a_list_is_read_beside_what_else_goes_on(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a million lines takes seconds."""
    threads: list[int] = []

    def parsed(text: str) -> UrlList:
        threads.append(threading.get_ident())
        return parse_urls(text)

    monkeypatch.setattr("services.platform.files.watched_file.LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("services.tweet.blocked_urls.parse_urls", parsed)
    scanner = BlockedUrls(file)
    replaced(file, "other.com\n")
    assert await scanner.scan(tweet("evil.com")) == "URL list: case 7"
    await scanner.look()
    assert await scanner.scan(tweet("evil.com")) is None
    assert len(threads) == 2
    assert threads[1] != threading.get_ident()


async def test_others_get_their_turn_between_the_urls_of_a_tweet(file: Path) -> None:
    scanning = asyncio.create_task(
        BlockedUrls(file).scan(tweet(" ".join(f"https://good{each}.com" for each in range(5))))
    )
    turns = 0
    while not scanning.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5


def replaced(file: Path, text: str) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(text)
    os.replace(beside, file)  # noqa: PTH105 - as operators do


@pytest.mark.parametrize("line", ["https://", "sha256:zz", "sha256:", "@"])
def test_a_wrong_line_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse_urls(f"evil.com\n{line}\n")


def test_a_list_that_is_set_must_be_there(tmp_path: Path) -> None:
    assert open_scanner(Settings()) is None
    missing = Settings(tweet_blocked_urls_file=tmp_path / "none")
    with pytest.raises(SettingsError, match="AVIARY_TWEET_BLOCKED_URLS_FILE"):
        open_scanner(missing)
