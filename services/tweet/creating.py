"""What a request for a new tweet says, beside its text."""

from collections.abc import Mapping, Sequence

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_ids
from services.platform.ids.request_ids import fingerprint
from services.platform.visibility.rule import Visibility, visibility_of
from services.tweet.content import Content
from services.tweet.model import Tweet

__all__ = ["MAX_MEDIA", "answered_user", "check_media_ids", "fingerprint_of", "read_visibility"]

MAX_MEDIA = 4
"""Pictures of one tweet."""


def check_media_ids(media_ids: Sequence[int]) -> None:
    """Raise `InvalidArgumentError` on `media_ids` but for up to `MAX_MEDIA` ids, each once."""
    if media_ids:
        check_ids("media_ids", media_ids, most=MAX_MEDIA)
    if len(set(media_ids)) < len(media_ids):
        raise InvalidArgumentError("media_ids", "must name each picture once")


def read_visibility(name: str) -> Visibility:
    """Read for whom a tweet is to be. Raises `InvalidArgumentError` on `visibility`."""
    visibility = visibility_of(name)
    if visibility is Visibility.CLOSED:
        raise InvalidArgumentError("visibility", "must be public, followers or mentioned")
    return visibility


def fingerprint_of(
    said: Content,
    in_reply_to: int,
    quote: int,
    media_ids: Sequence[int],
    visibility: Visibility = Visibility.PUBLIC,
) -> str:
    """Tell repeats from other content; without what is new, as versions before that did."""
    content: list[str | int] = [said.text, in_reply_to, quote]
    if said.given_language:
        content.append(said.given_language)
    if media_ids:
        # No language is called so.
        content += ["media", *media_ids]
    if visibility is not Visibility.PUBLIC:
        content += ["visibility", visibility.name]
    return fingerprint(*content)


def answered_user(found: Mapping[int, Tweet], tweet_id: int, in_reply_to: int) -> int:
    """Give whom a tweet answers: as its first try kept it, else as the one answered says, or 0."""
    if tweet_id in found:
        return found[tweet_id].in_reply_to_user_id
    return found[in_reply_to].user_id if in_reply_to in found else 0
