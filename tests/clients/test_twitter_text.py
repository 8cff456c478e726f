"""Lengths and entities beside npm's `twitter-text`, which most clients count with."""

import json
import subprocess
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.text.characters import check_characters
from services.platform.text.entities import find_entities
from services.tweet.text import MAX_WEIGHTED_LENGTH, weighted_length
from tests.clients.tweet_samples import every_character, generated
from tests.unit.found_entities import as_rows
from tests.unit.test_tweet_text_cases import CASES
from tools.node import NODE

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

PROGRAM: Final = Path(__file__).parent / "twitter_text" / "parse.mjs"
GENERATED: Final = 60_000
NEWER_CASES: Final = "\ua7cb\ua7dc"
"""Capitals of Unicode 16, which their Node.js may know as such and our table does not."""


def parsed(texts: list[str]) -> list[dict[str, Any]]:
    lines = "".join(f"{json.dumps(text)}\n" for text in texts)
    ran = subprocess.run(
        [NODE, PROGRAM], input=lines, capture_output=True, text=True, check=True, timeout=300
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def accepted(texts: Iterable[str]) -> list[str]:
    """Those that a tweet may be, but for their length."""
    found = []
    for text in texts:
        try:
            check_characters("text", text, lines=True)
        except InvalidArgumentError:
            continue
        if unicodedata.is_normalized("NFC", text):
            found.append(text)
    return found


def differences(texts: list[str]) -> list[tuple[str, object, object]]:
    found: list[tuple[str, object, object]] = []
    for text, theirs in zip(texts, parsed(texts), strict=True):
        length, rows = weighted_length(text), as_rows(find_entities(text))
        if length != theirs["length"] and min(length, theirs["length"]) <= MAX_WEIGHTED_LENGTH:
            found.append((ascii(text), length, theirs["length"]))
        if rows != theirs["entities"]:
            found.append((ascii(text), rows, theirs["entities"]))
    return found


def test_the_table_of_cases_is_theirs() -> None:
    assert parsed([case["text"] for case in CASES]) == [
        {"length": case["length"], "entities": case["entities"]} for case in CASES
    ]


def test_generated_texts_are_read_alike() -> None:
    texts = accepted(generated(GENERATED, seed=20))
    assert len(texts) > GENERATED / 2
    assert differences(texts) == []


def test_every_character_is_read_alike() -> None:
    texts = [text for text in accepted(every_character()) if not set(text) & set(NEWER_CASES)]
    assert len(texts) > 100_000
    found = []
    while texts:
        found += differences(texts[:50_000])
        del texts[:50_000]
    assert found == []
