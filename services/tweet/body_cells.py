"""What a tweet's row says: JSON in two cells, which newer versions add to and older ones pass over.

`body` never has other fields than its first: the release before there were entities reads no
others. What came later is in `said`, which that release leaves alone.

Entities are kept as offsets, since looking for them takes longer than reading them: a home timeline
that is not cached reads the bodies of hundreds.
"""

import json
from collections.abc import Callable
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
from services.platform.visibility.rule import Visibility, named, visibility_of
from services.tweet.model import NO_LINEAGE, Lineage, MediaRef, Quarantine, Tweet

__all__ = [
    "decode_body",
    "decode_lineage",
    "decode_quarantine",
    "encode_body",
    "encode_lineage",
    "encode_quarantine",
    "encode_said",
]

_FIELDS: Final = ("user_id", "text", "created_at_ms", "in_reply_to_tweet_id", "quote_tweet_id")
_OF_MEDIA: Final = ("media_id", "content_type", "width", "height", "blurhash", "alt_text")
_MOST: Final = (1 << 31) - 1
_Named = TypeVar("_Named", Mention, Hashtag, Cashtag)


def encode_body(tweet: Tweet) -> bytes:
    """Write the cell `body`: who says what, when, and in answer to what."""
    return _json({name: getattr(tweet, name) for name in _FIELDS})


def encode_said(tweet: Tweet) -> bytes:
    """Write the cell `said`: what is in the text, and where in a conversation that is said."""
    said: dict[str, Any] = {"entities": _offsets(tweet.text, tweet.entities)}
    if tweet.language:
        said["language"] = tweet.language
    if tweet.in_reply_to_user_id:
        said["in_reply_to_user_id"] = tweet.in_reply_to_user_id
    if tweet.lineage != NO_LINEAGE:
        said["lineage"] = encode_lineage(tweet.lineage)
    if tweet.media_refs:
        said["media"] = [[getattr(each, name) for name in _OF_MEDIA] for each in tweet.media_refs]
    if tweet.visibility is not Visibility.PUBLIC:
        said["visibility"] = named(tweet.visibility)
    if tweet.audience:
        said["audience"] = list(tweet.audience)
    return _json(said)


def decode_body(
    tweet_id: int,
    cell: bytes,
    said_cell: bytes | None = None,
    quarantine: Quarantine | None = None,
) -> Tweet:
    """Read what `encode_body` and `encode_said` wrote, in this version, an older or a newer one.

    The latter is None in rows of before. Raises one of `UNREADABLE` for any other cells.
    """
    body = json.loads(cell)
    said = body if said_cell is None else json.loads(said_cell)
    # A newer version may have written more; what is not known here is passed over.
    fields = {name: body[name] for name in _FIELDS}
    text, language = _scalars(fields["text"]), _scalars(said.get("language", ""))
    answered = said.get("in_reply_to_user_id", 0)
    # The bound of ids is that of times too: what is above it fits no message.
    audience = tuple(said.get("audience", ()))
    numbers = [answered, *audience, *(fields[name] for name in _FIELDS if name != "text")]
    if not all(isinstance(each, int) and 0 <= each <= MAX_ID for each in numbers):
        raise ValueError("ids and times are numbers of 63 bits")
    offsets = said.get("entities")
    # What was written before there were entities is looked through each time.
    entities = find_entities(text) if offsets is None else _entities(text, offsets)
    carried = said.get("media")
    media_refs = tuple(map(_media_ref, carried)) if carried else ()
    return Tweet(
        tweet_id=tweet_id,
        **fields,
        entities=entities,
        language=language,
        in_reply_to_user_id=answered,
        lineage=decode_lineage(said.get("lineage")),
        media_refs=media_refs,
        quarantine=quarantine,
        visibility=visibility_of(said.get("visibility", "")),
        audience=audience,
    )


def encode_quarantine(why: Quarantine) -> bytes:
    """Write the cell `quarantine`."""
    return _json({"reason": why.reason, "at_ms": why.at_ms, "cleared": why.cleared})


def decode_quarantine(cell: bytes) -> Quarantine:
    """Read it, as this version or another wrote it. Raises one of `UNREADABLE`."""
    said = json.loads(cell)
    return Quarantine(_scalars(said["reason"]), int(said["at_ms"]), bool(said["cleared"]))


def encode_lineage(lineage: Lineage) -> list[Any]:
    """Give what JSON can hold: the conversation and those above, the one answered last."""
    return [lineage.conversation_id, list(lineage.ancestor_ids)]


def decode_lineage(value: list[Any] | None) -> Lineage:
    """Read what `encode_lineage` gave, None for none. Raises one of `UNREADABLE` for others."""
    if value is None:
        return NO_LINEAGE
    conversation_id, ancestor_ids, *_ = value
    ids = (conversation_id, *ancestor_ids)
    if not all(isinstance(each, int) and 0 <= each <= MAX_ID for each in ids):
        raise ValueError("ids are numbers of 63 bits")
    return Lineage(conversation_id, tuple(ancestor_ids))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _offsets(text: str, entities: Entities) -> dict[str, list[list[int | str]]]:
    """[start, end] of each; behind them what a URL says, where that is not the text there."""
    offsets: dict[str, list[list[int | str]]] = {
        kind: [[each.start, each.end] for each in getattr(entities, kind)]
        for kind in _MADE_OF
        if getattr(entities, kind)
    }
    for url, pair in zip(entities.urls, offsets.get("urls", ()), strict=True):
        if url.url != text[url.start : url.end]:
            pair.append(url.url)
    return offsets


def _entities(text: str, offsets: dict[str, list[list[Any]]]) -> Entities:
    """Read what `_offsets` gives. Raises one of `UNREADABLE` for anything else."""
    found = {
        name: tuple([_MADE_OF[name](text, *span) for span in spans])
        for name, spans in offsets.items()
        if name in _MADE_OF
    }
    return Entities(**found) if found else NO_ENTITIES


def _media_ref(said: list[Any]) -> MediaRef:
    """Read a picture; what a newer version has added stands behind. Raises one of `UNREADABLE`."""
    ref = MediaRef(*said[: len(_OF_MEDIA)])
    if not (0 < ref.media_id <= MAX_ID and 0 < ref.width <= _MOST and 0 < ref.height <= _MOST):
        raise ValueError("a picture has an id and a size")
    for text in (ref.content_type, ref.blurhash, ref.alt_text):
        _scalars(text)
    return ref


def _named(kind: type[_Named]) -> Callable[..., _Named]:
    return lambda text, start, end, *_: kind(start, end, _cut(text, start, end)[1:])


def _url(text: str, start: int, end: int, said: str = "", *_: object) -> Url:
    there = _cut(text, start, end)
    return Url(start, end, _scalars(said) or there)


def _cut(text: str, start: int, end: int) -> str:
    if not 0 <= start < end <= len(text):
        raise ValueError("entities are within their text")
    return text[start:end]


def _scalars(said: str) -> str:
    """Give it back; raises AttributeError or ValueError for what fits no message."""
    said.encode()
    return said


_MADE_OF: Final[dict[str, Callable[..., Any]]] = {
    "mentions": _named(Mention),
    "hashtags": _named(Hashtag),
    "cashtags": _named(Cashtag),
    "urls": _url,
}
"""By the fields of `Entities`, which are the names in the cell."""
