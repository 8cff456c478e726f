"""Why calls fail: made by `make generate` from the enum `ErrorReason`; do not edit."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["CODE_NAMES", "Reason"]


class Reason(StrEnum):
    """The `reason` of a `google.rpc.ErrorInfo` whose domain is `aviary`."""

    INVALID_FIELD = "INVALID_FIELD"
    """400 INVALID_ARGUMENT. A field of the request breaks its stated limit; the metadata and a
    BadRequest name it. To do: Mend the field; a repeat gives the same."""

    USER_NOT_FOUND = "USER_NOT_FOUND"
    """404 NOT_FOUND. No user has this id or handle, or no longer. To do: Ask for another."""

    TWEET_NOT_FOUND = "TWEET_NOT_FOUND"
    """404 NOT_FOUND. No tweet has this id, or no longer. To do: Ask for another."""

    HANDLE_TAKEN = "HANDLE_TAKEN"
    """409 ALREADY_EXISTS. Another user has the handle, or gave it up a short while ago. To do:
    Choose another handle."""

    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    """409 ALREADY_EXISTS. The request_id, or Idempotency-Key, came before with other content. To
    do: Use a new one for each new request, and the same one only to repeat it."""

    NOT_THE_AUTHOR = "NOT_THE_AUTHOR"
    """403 PERMISSION_DENIED. The tweet is somebody else's: only its author deletes or pins it. To
    do: Leave it to its author."""

    BLOCKED = "BLOCKED"
    """403 PERMISSION_DENIED. One of the two users blocks the other. To do: End the block, where it
    is one's own."""

    EDGE_OUT_OF_ORDER = "EDGE_OUT_OF_ORDER"
    """400 FAILED_PRECONDITION. What is stored of the two is dated so far ahead that no change can
    come after it. To do: Tell an operator, who has to mend it."""

    MEDIA_NOT_FOUND = "MEDIA_NOT_FOUND"
    """404 NOT_FOUND. No picture has this id, or no longer, or it is not for the caller. To do:
    Upload another."""

    MEDIA_NOT_READY = "MEDIA_NOT_READY"
    """400 FAILED_PRECONDITION. The picture has not been uploaded and looked at yet, or was
    rejected, or is quarantined. To do: Read it until it is ready, or upload another."""

    MEDIA_IN_USE = "MEDIA_IN_USE"
    """400 FAILED_PRECONDITION. Another tweet carries the picture. To do: Upload it again."""

    URL_INVALID = "URL_INVALID"
    """403 PERMISSION_DENIED. The signed URL of a picture has expired, or is not as it was given. To
    do: Ask for a new one."""

    LIST_NOT_FOUND = "LIST_NOT_FOUND"
    """404 NOT_FOUND. No list has this id, or no longer, or it is another user's private one. To do:
    Ask for another."""

    NOT_THE_OWNER = "NOT_THE_OWNER"
    """403 PERMISSION_DENIED. The list is somebody else's. To do: Leave it to its owner."""

    TOO_MANY_LISTS = "TOO_MANY_LISTS"
    """400 FAILED_PRECONDITION. The user has as many lists as there may be. To do: Delete one."""

    LIST_FULL = "LIST_FULL"
    """400 FAILED_PRECONDITION. The list has as many members as there may be. To do: Remove one."""

    NOT_THE_CALLER = "NOT_THE_CALLER"
    """403 PERMISSION_DENIED. The request names another user than its token. To do: Leave the field
    out, or give one's own id."""

    NO_USER = "NO_USER"
    """403 PERMISSION_DENIED. The token is an app's own, and this takes that of a user. To do: Have
    a user log in."""

    CALLER_NAMED_TWICE = "CALLER_NAMED_TWICE"
    """403 PERMISSION_DENIED. Something between the edge and the service added a caller. To do: Tell
    an operator; no client can bring this about."""

    NO_SESSION = "NO_SESSION"
    """403 PERMISSION_DENIED. The token was not made by a log-in. To do: Have the user log in."""

    WRONG_PASSWORD = "WRONG_PASSWORD"
    """403 PERMISSION_DENIED. The password given is not the user's. To do: Ask for it again."""

    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    """400 FAILED_PRECONDITION. Another request changed the password at the same time. To do: Log in
    with the one that holds now."""

    WEAK_PASSWORD = "WEAK_PASSWORD"
    """400 INVALID_ARGUMENT. The password is too easy to guess; the message says why. To do: Ask for
    another."""

    HANDLE_RESERVED = "HANDLE_RESERVED"
    """400 INVALID_ARGUMENT. The handle is kept for those who run the service. To do: Choose another
    handle."""

    FOLLOW_REQUEST_NOT_FOUND = "FOLLOW_REQUEST_NOT_FOUND"
    """404 NOT_FOUND. Nobody with this id asks to follow, or they took it back. To do: List the
    requests for those there are."""

    TWEET_NOT_PUBLIC = "TWEET_NOT_PUBLIC"
    """403 PERMISSION_DENIED. The tweet is not for everybody, or its author is protected: nobody can
    show it to others. To do: Nothing."""

    TOO_MANY_MUTED_WORDS = "TOO_MANY_MUTED_WORDS"
    """400 FAILED_PRECONDITION. The user has muted as many words as there may be. To do: Remove
    one."""

    TOO_MANY_FOLLOWED = "TOO_MANY_FOLLOWED"
    """400 FAILED_PRECONDITION. The user would follow more users than they may; the metadata says
    how many that is (`most`), and how many they follow (`following`). To do: Unfollow somebody."""

    APP_NOT_FOUND = "APP_NOT_FOUND"
    """404 NOT_FOUND. No app has this client id. To do: List the apps for one that exists."""

    APP_KEY_NOT_FOUND = "APP_KEY_NOT_FOUND"
    """404 NOT_FOUND. No API key has this id. To do: List the keys of the app."""

    TOO_MANY_KEYS = "TOO_MANY_KEYS"
    """400 FAILED_PRECONDITION. The app has as many live API keys as it may have. To do: Revoke
    one."""

    DEAD_LETTER_NOT_FOUND = "DEAD_LETTER_NOT_FOUND"
    """404 NOT_FOUND. No dead letter of the subscription has this id, or it is not among the oldest
    1000. To do: List them for the ids there are."""

    RATE_LIMITED = "RATE_LIMITED"
    """429 RESOURCE_EXHAUSTED. A budget is used up; the metadata names it. To do: Wait as
    `Retry-After` and the RetryInfo say."""

    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    """429 RESOURCE_EXHAUSTED. The caller's reputation is low, or too many passwords were wrong, and
    a proof of work lets the request through. To do: Solve a challenge of `/v1/challenges`, and send
    it as `x-proof-of-work`."""

    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    """429 RESOURCE_EXHAUSTED. The user has as many streams open as a user may have. To do: Close
    one, or wait until those that were lost are forgotten, which takes a minute."""

    UNAVAILABLE = "UNAVAILABLE"
    """503 UNAVAILABLE. A store, the bus or a service cannot be reached now. To do: Repeat it after
    the time that the RetryInfo gives, with the same request_id."""

    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    """504 DEADLINE_EXCEEDED. The call took longer than it may; a change may have been made. To do:
    Repeat it with the same request_id."""

    INTERNAL = "INTERNAL"
    """500 INTERNAL. A fault of ours, which is in our logs. To do: Report it with its
    `x-request-id`."""

    CALLER_NOT_ALLOWED = "CALLER_NOT_ALLOWED"
    """403 PERMISSION_DENIED. Between services: the call table does not let this process call this
    RPC. To do: Declare the call in the caller's spec."""

    SIGNATURE_MALFORMED = "SIGNATURE_MALFORMED"
    """403 PERMISSION_DENIED. Between services: the signature is in no known form. To do: Give both
    sides the same version."""

    SIGNATURE_KEY_UNKNOWN = "SIGNATURE_KEY_UNKNOWN"
    """403 PERMISSION_DENIED. Between services: no key has the id that signed. To do: Give both
    sides the same keys."""

    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    """403 PERMISSION_DENIED. Between services: the request is not the one that was signed. To do:
    See what changed it on the way."""

    SIGNATURE_EXPIRED = "SIGNATURE_EXPIRED"
    """403 PERMISSION_DENIED. Between services: signed too long ago, or in the future. To do: Set
    the clocks right."""

    SIGNATURE_REPLAYED = "SIGNATURE_REPLAYED"
    """403 PERMISSION_DENIED. Between services: this very request came before. To do: Sign each try
    anew."""

    LEASE_LOST = "LEASE_LOST"
    """400 FAILED_PRECONDITION. Between services: the worker number is another's by now. To do:
    Lease a new one."""

    STILL_THERE = "STILL_THERE"
    """400 FAILED_PRECONDITION. A message says that something was deleted which is still there, so
    nothing is erased. To do: An operator finds out which of the two is right."""


CODE_NAMES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.INVALID_FIELD: "INVALID_ARGUMENT",
        Reason.USER_NOT_FOUND: "NOT_FOUND",
        Reason.TWEET_NOT_FOUND: "NOT_FOUND",
        Reason.HANDLE_TAKEN: "ALREADY_EXISTS",
        Reason.REQUEST_ID_REUSED: "ALREADY_EXISTS",
        Reason.NOT_THE_AUTHOR: "PERMISSION_DENIED",
        Reason.BLOCKED: "PERMISSION_DENIED",
        Reason.EDGE_OUT_OF_ORDER: "FAILED_PRECONDITION",
        Reason.MEDIA_NOT_FOUND: "NOT_FOUND",
        Reason.MEDIA_NOT_READY: "FAILED_PRECONDITION",
        Reason.MEDIA_IN_USE: "FAILED_PRECONDITION",
        Reason.URL_INVALID: "PERMISSION_DENIED",
        Reason.LIST_NOT_FOUND: "NOT_FOUND",
        Reason.NOT_THE_OWNER: "PERMISSION_DENIED",
        Reason.TOO_MANY_LISTS: "FAILED_PRECONDITION",
        Reason.LIST_FULL: "FAILED_PRECONDITION",
        Reason.NOT_THE_CALLER: "PERMISSION_DENIED",
        Reason.NO_USER: "PERMISSION_DENIED",
        Reason.CALLER_NAMED_TWICE: "PERMISSION_DENIED",
        Reason.NO_SESSION: "PERMISSION_DENIED",
        Reason.WRONG_PASSWORD: "PERMISSION_DENIED",
        Reason.PASSWORD_CHANGED: "FAILED_PRECONDITION",
        Reason.WEAK_PASSWORD: "INVALID_ARGUMENT",
        Reason.HANDLE_RESERVED: "INVALID_ARGUMENT",
        Reason.FOLLOW_REQUEST_NOT_FOUND: "NOT_FOUND",
        Reason.TWEET_NOT_PUBLIC: "PERMISSION_DENIED",
        Reason.TOO_MANY_MUTED_WORDS: "FAILED_PRECONDITION",
        Reason.TOO_MANY_FOLLOWED: "FAILED_PRECONDITION",
        Reason.APP_NOT_FOUND: "NOT_FOUND",
        Reason.APP_KEY_NOT_FOUND: "NOT_FOUND",
        Reason.TOO_MANY_KEYS: "FAILED_PRECONDITION",
        Reason.DEAD_LETTER_NOT_FOUND: "NOT_FOUND",
        Reason.RATE_LIMITED: "RESOURCE_EXHAUSTED",
        Reason.STEP_UP_REQUIRED: "RESOURCE_EXHAUSTED",
        Reason.TOO_MANY_STREAMS: "RESOURCE_EXHAUSTED",
        Reason.UNAVAILABLE: "UNAVAILABLE",
        Reason.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
        Reason.INTERNAL: "INTERNAL",
        Reason.CALLER_NOT_ALLOWED: "PERMISSION_DENIED",
        Reason.SIGNATURE_MALFORMED: "PERMISSION_DENIED",
        Reason.SIGNATURE_KEY_UNKNOWN: "PERMISSION_DENIED",
        Reason.SIGNATURE_INVALID: "PERMISSION_DENIED",
        Reason.SIGNATURE_EXPIRED: "PERMISSION_DENIED",
        Reason.SIGNATURE_REPLAYED: "PERMISSION_DENIED",
        Reason.LEASE_LOST: "FAILED_PRECONDITION",
        Reason.STILL_THERE: "FAILED_PRECONDITION",
    }
)
"""The name of the status code that comes with each."""
