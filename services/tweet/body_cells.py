"""The body of a tweet's row: JSON, which newer versions add to and older ones pass over.

Entities are kept as offsets, since looking for them takes longer than reading them: a home timeline
that is not cached reads the bodies of hundreds.
"""

import json
from typing import Any, Final, TypeVar

from services.platform.ids.model import MAX_ID
from services.platform.text.entities import (
    NO_ENTITIES,
    Cashtag,
    Entities,
    Hashtag,
    Mention,
    Url,
    find_entities,
)
from services.tweet.model import Tweet

__all__ = ["decode_body", "encode_body"]

_FIELDS: Final = ("user_id", "text", "created_at_ms", "in_reply_to_tweet_id", "quote_tweet_id")
_KINDS: Final[dict[type[Any], str]] = {
    Mention: "mentions",
    Hashtag: "hashtags",
    Cashtag: "cashtags",
    Url: "urls",
}


def encode_body(tweet: Tweet) -> bytes:
    """Write all of a tweet but its id."""
    body: dict[str, Any] = {name: getattr(tweet, name) for name in _FIELDS}
    body["entities"] = _offsets(tweet.text, tweet.entities)
    if tweet.language:
        body["language"] = tweet.language
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def decode_body(tweet_id: int, cell: bytes) -> Tweet:
    """Read what `encode_body` wrote, in this version, an older or a newer one.

    Raises one of `UNREADABLE` for any other cell.
    """
    body = json.loads(cell)
    # A newer version may have written more; what is not known here is passed over.
    fields = {name: body[name] for name in _FIELDS}
    text, language = _scalars(fields["text"]), _scalars(body.get("language", ""))
    # The bound of ids is that of times too: what is above it fits no message.
    numbers = [fields[name] for name in _FIELDS if name != "text"]
    if not all(isinstance(each, int) and 0 <= each <= MAX_ID for each in numbers):
        raise ValueError("ids and times are numbers of 63 bits")
    offsets = body.get("entities")
    # What was written before there were entities is looked through each time.
    entities = find_entities(text) if offsets is None else _entities(text, offsets)
    return Tweet(tweet_id=tweet_id, **fields, entities=entities, language=language)


def _offsets(text: str, entities: Entities) -> dict[str, list[list[int | str]]]:
    """[start, end] of each; behind them what a URL says, where that is not the text there."""
    offsets: dict[str, list[list[int | str]]] = {
        kind: [[each.start, each.end] for each in getattr(entities, kind)]
        for kind in _KINDS.values()
        if getattr(entities, kind)
    }
    for url, pair in zip(entities.urls, offsets.get("urls", ()), strict=True):
        if url.url != text[url.start : url.end]:
            pair.append(url.url)
    return offsets


def _entities(text: str, offsets: dict[str, Any]) -> Entities:
    if offsets == {}:
        return NO_ENTITIES
    return Entities(
        mentions=_behind_sigils(Mention, text, offsets),
        hashtags=_behind_sigils(Hashtag, text, offsets),
        cashtags=_behind_sigils(Cashtag, text, offsets),
        urls=tuple(
            Url(start, end, _scalars(said[0]) if said else text[start:end])
            for start, end, *said in _spans(text, offsets, Url)
        ),
    )


_Named = TypeVar("_Named", Mention, Hashtag, Cashtag)


def _scalars(said: str) -> str:
    """Give it back; raises AttributeError or ValueError where it fits no message."""
    said.encode()
    return said


def _behind_sigils(kind: type[_Named], text: str, offsets: dict[str, Any]) -> tuple[_Named, ...]:
    return tuple(
        kind(start, end, text[start + 1 : end]) for start, end, *_ in _spans(text, offsets, kind)
    )


def _spans(text: str, offsets: dict[str, Any], kind: type[Any]) -> list[list[Any]]:
    """Those of a kind. Raises ValueError for what is not within the text."""
    spans: list[list[Any]] = offsets.get(_KINDS[kind], [])
    if not all(0 <= start < end <= len(text) for start, end, *_ in spans):
        raise ValueError("entities are within their text")
    return spans
