"""Examples of requests and answers, made from their schemas for people to read."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.openapi.schemas import Json

__all__ = ["curl", "example", "resolved"]

AN_ID = "383721024714031104"
ANOTHER_ID = "383721793652989952"
# By the name of a field, where the type alone would say little; the first id is the end user's.
BY_NAME: Mapping[str, Any] = {
    "handle": "ada",
    "display_name": "Ada Lovelace",
    "text": "Hello, Aviary!",
    "followee_id": ANOTHER_ID,
    "followee_ids": [ANOTHER_ID],
    "blocked_id": ANOTHER_ID,
    "muted_id": ANOTHER_ID,
    "target_id": ANOTHER_ID,
    "tweet_id": ANOTHER_ID,
    "in_reply_to_tweet_id": AN_ID,
    "quote_tweet_id": AN_ID,
    "next_cursor": "AQVTPZ2zQIAAoT0V2bkqXH2hJxkqR0cVkw",
    "previous_cursor": "BAVTPaHZ4AAAgO2rXg9MZ0sGJ7b1oRZc-Q",
    "name": "tweet",
    "query": "hello",
    "word": "spoilers",
    "sort": "newest",
    "status": "SERVING",
    "limit": 20,
}
BY_TYPE = {"boolean": True, "integer": 5, "int64": AN_ID, "date-time": "2026-01-02T03:04:05.678Z"}
# A client need not name its user, nor its requests, a first page has no cursor, and a log-in no
# wishes.
LEFT_OUT = frozenset(
    {
        *("request_id", "in_reply_to_tweet_id", "quote_tweet_id", "cursor"),
        *("prompt", "max_age", "id_token_hint", "login_hint", "response_mode", "nonce"),
    }
)
FORM = "application/x-www-form-urlencoded"
# From where the edge of `make run` listens.
BASE = "http://127.0.0.1:8080"


def resolved(schema: Json, document: Json) -> Json:
    """Follow a reference within the document."""
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def example(
    schema: Json, document: Json, name: str = "", within: frozenset[str] = frozenset()
) -> Any:  # noqa: ANN401 - any JSON
    """Return a value that the schema allows, `within` one of schemas by these references."""
    if name in BY_NAME:
        return BY_NAME[name]
    if "$ref" in schema:
        within |= {schema["$ref"]}
    schema = resolved(schema, document)
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object" and "properties" not in schema:
        return {}
    if "properties" in schema:
        properties = schema["properties"].items()
        return {key: example(one, document, key, within) for key, one in properties}
    if "items" in schema:
        # What may hold its own kind is shown without.
        is_own = schema["items"].get("$ref") in within
        return [] if is_own else [example(schema["items"], document, within=within)]
    return BY_TYPE.get(schema.get("format") or str(schema["type"]), "…")


def curl(verb: str, path: str, operation: Json, document: Json) -> str:
    """Return the command line that calls an operation."""
    url, query = BASE + path, []
    for parameter in operation.get("parameters", []):
        given = resolved(parameter, document)
        name = given["name"]
        value = str(example(given["schema"], document, name))
        if given["in"] == "path":
            url = url.replace(f"{{{name}}}", value)
        elif given["in"] == "query" and name not in LEFT_OUT:
            query.append(f"{name}={value}")
    method = [] if verb == "get" else [f"-X {verb.upper()}"]
    lines = [" ".join(["curl", *method]), f"'{url}{_query(query)}'"]
    if any("oauth2" in one for one in operation["security"]):
        lines.append('-H "authorization: Bearer $TOKEN"')
    elif operation["security"]:
        lines.append('-u "$CLIENT_ID:$CLIENT_SECRET"')
    content = operation.get("requestBody", {"content": {}})["content"]
    if FORM in content:
        schema = content[FORM]["schema"]
        given = {name: example(schema["properties"][name], document) for name in schema["required"]}
        lines += [f"-d '{name}={value}'" for name, value in given.items()]
    elif content:
        schema = content["application/json"]["schema"]
        body = {k: v for k, v in example(schema, document).items() if k not in LEFT_OUT}
        lines += ["-H 'content-type: application/json'", f"-d '{_indented(body)}'"]
    return " \\\n  ".join(lines)


def _indented(body: Json) -> str:
    return json.dumps(body, indent=2).replace("\n", "\n  ")


def _query(parameters: list[str]) -> str:
    return "?" + "&".join(parameters) if parameters else ""
