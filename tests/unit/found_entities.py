"""Entities in one list, as the tables of the tests have them."""

from services.platform.text.entities import Entities

Row = list[str | int]
"""[kind, start, end, what it says]"""


def as_rows(found: Entities) -> list[Row]:
    """All of a text, from left to right."""
    rows: list[Row] = [
        *(["mention", each.start, each.end, each.username] for each in found.mentions),
        *(["hashtag", each.start, each.end, each.tag] for each in found.hashtags),
        *(["cashtag", each.start, each.end, each.tag] for each in found.cashtags),
        *(["url", each.start, each.end, each.url] for each in found.urls),
    ]
    return sorted(rows, key=lambda row: row[1])
