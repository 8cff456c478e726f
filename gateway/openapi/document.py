"""The document as a whole."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from gateway.envoy.contracts import Contracts, PublicRpc
from gateway.openapi.errors import ERROR_SCHEMA, shared_responses
from gateway.openapi.headers import HEADERS
from gateway.openapi.issuer import (
    ISSUER_TAG,
    PROOF_OF_WORK,
    PROOF_OF_WORK_PARAMETER,
    SECURITY_SCHEMES,
    issuer_paths,
)
from gateway.openapi.issuer_schemas import ISSUER_SCHEMAS
from gateway.openapi.messages import Message, messages
from gateway.openapi.operations import (
    ETAG,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    LOCATION,
    SECURITY_SCHEME,
    operation,
    tag,
)
from gateway.openapi.schemas import TIMESTAMP, Json, response_schema

__all__ = ["openapi_document", "to_json"]

OPENAPI = "3.1.1"
# Of the API, which is the `v1` of its paths and packages; additions do not change it.
API_VERSION = "1.0.0"
DESCRIPTION = """\
A Twitter-style timeline backend. Ids are 64-bit and so are strings in JSON; times are RFC 3339 in
UTC. Every error has one shape: `code`, `message`, `details`. A page without `next_cursor` is the
last one; a `previous_cursor` asks for what is newer than a page. An app that has an API key sends
it as `x-api-key` with any request, and has its limits.
"""
# What no expression can say of a text, by the name that the limits give it.
FORMATS = {
    "tweet-text": "at most 280 weighted characters, some visible, no control characters but "
    "newline and tab, no U+202A to U+202E, no open isolates: URLs count 23, CJK and emoji 2, "
    "most others 1; at most 50,000 code points as sent, and 30 combining marks in a row",
    "display-name": "counted in NFC without the spaces around it; some visible; no control "
    "characters, no U+202A to U+202E, no open isolates; at most 200 code points as sent, and 30 "
    "combining marks in a row",
    "list-name": "as display-name, at most 25 characters and 100 code points as sent",
    "muted-word": "at most 100 characters in NFKC with single spaces, 400 code points as sent; "
    "with a letter or digit",
    "list-description": "as list-name, at most 100 characters and 400 code points; or empty",
    "bio": "as display-name, at most 640 code points as sent; or empty",
    "alt-text": "counted in NFC; no control characters but newline and tab, no U+202A to U+202E, "
    "no open isolates; at most 4,000 code points as sent, and 30 combining marks in a row; or "
    "empty",
    "ids": "each at most 9223372036854775807, as ids are of 63 bits",
    "new-password": "hard to guess, as zxcvbn reckons (its score is 3 at least): no common words, "
    "repeats, rows of keys, or the handle and the name",
    "search-query": "terms between spaces, each with a `-` before it to exclude it: words, "
    '"phrases", #hashtags, @mentions, from:handle, to:handle, since:YYYY-MM-DD, until:YYYY-MM-DD, '
    "lang:code, filter:links, filter:replies; at most 30, one of them besides dates not excluded",
    "name-prefix": "a letter, digit or mark of any script among them; all else is as a space",
    "cursor": "what `next_cursor` or `previous_cursor` of another page was, or empty",
}
IDEMPOTENCY_KEY_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names the request: a repeat with the same key gives the first answer and "
    "changes nothing. It stands for the request's `request_id`, and where both are given they "
    "must be the same.",
    # HTTP takes away spaces around it; the empty one is none.
    "schema": {"type": "string", "maxLength": 64, "pattern": "^([!-~]([ -~]*[!-~])?)?$"},
}
IF_NONE_MATCH_PARAMETER: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an answer that the caller has, several of them, or `*`.",
    "schema": {"type": "string"},
}
ETAG_HEADER: Json = {
    "description": "Names what was read, for `If-None-Match`; weak where the answer is compressed.",
    "schema": {"type": "string", "pattern": '^(W/)?"[0-9a-f]+([.][0-9]+)?"$'},
}
LOCATION_HEADER: Json = {
    "description": "The path of what was made, to be read with GET.",
    "required": True,
    "schema": {"type": "string", "format": "uri-reference", "pattern": "^/v1/.+$"},
}
TOKEN_URL = "/oauth/token"  # noqa: S105 - a path
AUTHORIZATION_URL = "/oauth/authorize"


def openapi_document(contracts: Contracts) -> Json:
    """Build the document, which is the caller's to change.

    Raises `ValueError` where two messages would share a name.
    """
    known = messages(contracts.files)
    paths: Json = {}
    for rpc in contracts.public:
        paths.setdefault(rpc.template, {})[rpc.verb.lower()] = operation(
            rpc, contracts.public, known
        )
    document = {
        "openapi": OPENAPI,
        "info": {"title": "Aviary", "version": API_VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in [*_tags(contracts.public), ISSUER_TAG]],
        "paths": paths | issuer_paths(),
        "components": {
            "schemas": _schemas(contracts.public, known),
            "parameters": {
                IDEMPOTENCY_KEY: IDEMPOTENCY_KEY_PARAMETER,
                IF_NONE_MATCH: IF_NONE_MATCH_PARAMETER,
                PROOF_OF_WORK: PROOF_OF_WORK_PARAMETER,
            },
            "headers": {ETAG: ETAG_HEADER, LOCATION: LOCATION_HEADER, **HEADERS},
            "responses": shared_responses(),
            "securitySchemes": {SECURITY_SCHEME: _oauth2(contracts.public), **SECURITY_SCHEMES},
        },
        "x-formats": FORMATS,
    }
    # Parts of it are constants of these modules.
    return deepcopy(document)


def to_json(document: Json) -> str:
    """Write the document, the same text each time."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _tags(rpcs: Iterable[PublicRpc]) -> list[str]:
    return sorted({tag(rpc) for rpc in rpcs})


def _schemas(rpcs: Iterable[PublicRpc], known: Mapping[str, Message]) -> Json:
    schemas: Json = {"Error": ERROR_SCHEMA}
    of: dict[str, str] = {}
    for full_name in _reachable([rpc.response for rpc in rpcs], known):
        message = known[full_name]
        if of.setdefault(message.name, full_name) != full_name:
            raise ValueError(f"{full_name} and {of[message.name]} would share a name")
        schemas[message.name] = response_schema(message)
    return dict(sorted((schemas | ISSUER_SCHEMAS).items()))


def _reachable(full_names: Sequence[str], known: Mapping[str, Message]) -> Iterator[str]:
    """Walk through messages and those of their fields, each once: some have fields of their own."""
    left, seen = list(full_names), set[str]()
    while left:
        full_name = left.pop(0)
        if full_name in seen:
            continue
        seen.add(full_name)
        yield full_name
        left += [
            field.proto.type_name.removeprefix(".")
            for field in known[full_name].fields
            if field.proto.type == FieldDescriptorProto.TYPE_MESSAGE
            and field.proto.type_name != TIMESTAMP
        ]


def _oauth2(rpcs: Iterable[PublicRpc]) -> Json:
    """Return the scheme: a bearer token, which any of these flows gives."""
    # Of userinfo, which is no RPC.
    scopes: Json = {"openid": ["GetUserinfo"]}
    for rpc in rpcs:
        if rpc.scope:
            names = scopes.setdefault(rpc.scope, [])
            names.append(rpc.method)
    scopes = {scope: ", ".join(names) for scope, names in sorted(scopes.items())}
    return {
        "type": "oauth2",
        "description": "An access token, sent as `Authorization: Bearer …`.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": AUTHORIZATION_URL,
                "tokenUrl": TOKEN_URL,
                "refreshUrl": TOKEN_URL,
                "scopes": scopes,
            },
            "clientCredentials": {"tokenUrl": TOKEN_URL, "scopes": scopes},
        },
    }
