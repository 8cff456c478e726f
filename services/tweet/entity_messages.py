"""Entities as messages: a part of what the servicer translates."""

from aviary.tweet.v1 import entities_pb2

from services.platform.text.entities import NO_ENTITIES, Entities

__all__ = ["entities_to_proto"]


def entities_to_proto(found: Entities) -> entities_pb2.Entities | None:
    """Encode what a text refers to; None where that is nothing, so that the field is absent."""
    if found == NO_ENTITIES:
        return None
    return entities_pb2.Entities(
        mentions=[
            entities_pb2.MentionEntity(start=each.start, end=each.end, username=each.username)
            for each in found.mentions
        ],
        hashtags=[
            entities_pb2.HashtagEntity(start=each.start, end=each.end, tag=each.tag)
            for each in found.hashtags
        ],
        cashtags=[
            entities_pb2.CashtagEntity(start=each.start, end=each.end, tag=each.tag)
            for each in found.cashtags
        ],
        urls=[
            entities_pb2.UrlEntity(start=each.start, end=each.end, url=each.url)
            for each in found.urls
        ],
    )
