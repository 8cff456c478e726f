"""What users may do with which tweets: what they see, and show to others what is for everybody."""

from collections.abc import Collection, Mapping
from typing import Final

from services.engagement.arguments import no_tweet
from services.engagement.model import Edge, Kind
from services.engagement.ports import Tweets
from services.platform.error_reasons import Reason
from services.platform.errors import AviaryError, PermissionDeniedError
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import NOT_KNOWN, Sight, Visibility, Visible, may_see

__all__ = ["Admission"]

_OWN: Final = Sight()


class Admission:
    """Says what keeps users from doing something with a tweet, by two calls for many of them."""

    def __init__(self, tweets: Tweets, sights: Sights) -> None:
        self._tweets = tweets
        self._sights = sights

    async def barred(self, edges: Collection[Edge]) -> Mapping[Edge, AviaryError]:
        """Give the error of each edge that must not come to be; raises `UnavailableError`.

        `NotFoundError` (`TWEET_NOT_FOUND`) of a tweet that is not there, or not for the user;
        `PermissionDeniedError` (`TWEET_NOT_PUBLIC`) of a retweet of one that is not for everybody.
        """
        if not edges:
            return {}
        found, missing = await self._tweets.facts(list({edge.tweet_id for edge in edges}))
        gone = frozenset(missing)
        # Of own tweets only whether they may be shown to others is in question.
        pairs = {
            (edge.actor_id, found[edge.tweet_id].author_id)
            for edge in edges
            if edge.tweet_id in found
            and (edge.kind is Kind.RETWEET or found[edge.tweet_id].author_id != edge.actor_id)
        }
        sights = await self._sights.of_pairs(pairs) if pairs else {}
        barred: dict[Edge, AviaryError] = {}
        for edge in edges:
            tweet = found.get(edge.tweet_id)
            if edge.tweet_id in gone:
                barred[edge] = no_tweet(edge.tweet_id)
            # A row that cannot be read now is not known to be gone.
            elif tweet is not None and (error := _barring(edge, tweet, sights)):
                barred[edge] = error
        return barred


def _barring(
    edge: Edge, tweet: Visible, sights: Mapping[tuple[int, int], Sight]
) -> AviaryError | None:
    own = tweet.author_id == edge.actor_id
    sight = sights.get((edge.actor_id, tweet.author_id), _OWN if own else NOT_KNOWN)
    if not may_see(tweet, edge.actor_id, sight):
        return no_tweet(edge.tweet_id)
    if edge.kind is Kind.RETWEET and (tweet.visibility != Visibility.PUBLIC or sight.protected):
        return PermissionDeniedError(
            f"tweet {edge.tweet_id} is not for everybody, and cannot be retweeted",
            reason=Reason.TWEET_NOT_PUBLIC,
            metadata={"tweet_id": str(edge.tweet_id)},
        )
    return None
