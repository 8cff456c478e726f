"""Texts with the length and the entities that npm's `twitter-text` 3.1 gives them.

`make test-clients` holds the table to the package itself, and compares the two on generated texts.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from services.platform.text.entities import find_entities
from services.tweet.text import MAX_WEIGHTED_LENGTH, weighted_length
from tests.unit.found_entities import as_rows

CASES: Final = [
    json.loads(line)
    for line in Path(__file__).with_name("tweet_text_cases.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["text"][:40]))
def test_a_text_is_read_as_by_twitter_text(case: dict[str, Any]) -> None:
    length = weighted_length(case["text"])
    assert length == case["length"] or min(length, case["length"]) > MAX_WEIGHTED_LENGTH
    assert as_rows(find_entities(case["text"])) == case["entities"]
