"""Links: where what one answer says is what another operation asks for.

They follow from names: a resource, such as `Tweet`, is identified by its own id, `tweet_id`, and
operations take that in their path; a page's `next_cursor` is the `cursor` of the next, and its
`previous_cursor` that of the page before.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gateway.envoy.contracts import PublicRpc
from gateway.openapi.messages import Field, Message
from gateway.openapi.schemas import Json

__all__ = ["links", "takes_next_page"]

CURSOR, LIMIT = "cursor", "limit"
NEXT_CURSOR, PREVIOUS_CURSOR = "next_cursor", "previous_cursor"
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def links(rpc: PublicRpc, rpcs: Iterable[PublicRpc], messages: Mapping[str, Message]) -> Json:
    """Return the links of an RPC's answer, by name."""
    response = messages[rpc.response]
    found: Json = {}
    if takes_next_page(rpc, response):
        found["NextPage"] = _page_at(NEXT_CURSOR, rpc, messages[rpc.request])
    if PREVIOUS_CURSOR in {field.name for field in response.fields}:
        found["PreviousPage"] = _page_at(PREVIOUS_CURSOR, rpc, messages[rpc.request])
    for field, message in _resources(response, messages):
        key = _key_of(message)
        at = f"/{field.name}{'/0' if field.repeated else ''}/{key}"
        for target in rpcs:
            # A list is read for one of its items; what was just made may be changed too.
            wanted = target.verb == "GET" if field.repeated else target != rpc
            if wanted and _VARIABLE.findall(target.template) == [key]:
                found[target.method] = _link(target, {f"path.{key}": f"$response.body#{at}"})
    return found


def _resources(
    response: Message, messages: Mapping[str, Message]
) -> Iterator[tuple[Field, Message]]:
    """Yield the fields of an answer that are resources."""
    for field in response.fields:
        message = messages.get(field.proto.type_name.removeprefix("."))
        if message and _key_of(message) in {each.name for each in message.fields}:
            yield field, message


def _key_of(message: Message) -> str:
    return "_".join(_WORD.split(message.name)).lower() + "_id"


def takes_next_page(rpc: PublicRpc, response: Message) -> bool:
    """Whether its answers say where the next page starts."""
    return CURSOR in rpc.query and NEXT_CURSOR in {field.name for field in response.fields}


def _page_at(cursor: str, rpc: PublicRpc, request: Message) -> Json:
    # A cursor holds for the query that it came from only.
    places = {
        field.name: "query" if field.name in rpc.query else "path" for field in request.fields
    }
    same: Json = {
        f"{places[field.name]}.{field.name}": f"$request.{places[field.name]}.{field.name}"
        for field in request.fields
        if field.name not in {CURSOR, LIMIT}
    }
    return _link(rpc, {**same, f"query.{CURSOR}": f"$response.body#/{cursor}"})


def _link(target: PublicRpc, parameters: Json) -> Json:
    return {"operationId": target.method, "parameters": parameters}
