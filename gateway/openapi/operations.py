"""The operations: a path and a method for each public RPC."""

import re
from collections.abc import Iterable, Mapping, Sequence

from gateway.envoy.contracts import PublicRpc
from gateway.limits.table import CLASSES
from gateway.openapi.errors import error_responses
from gateway.openapi.headers import NEXT_PAGE, OF_ANY_ANSWER, OF_LIMITED, references
from gateway.openapi.issuer import PROOF_OF_WORK
from gateway.openapi.links import links, takes_next_page
from gateway.openapi.messages import Field, Message
from gateway.openapi.named_errors import prose
from gateway.openapi.schemas import Json, parameter_schema, reference, request_schema

__all__ = [
    "ETAG",
    "IDEMPOTENCY_KEY",
    "IF_NONE_MATCH",
    "LOCATION",
    "SECURITY_SCHEME",
    "operation",
    "success",
    "tag",
]

SECURITY_SCHEME = "oauth2"
IDEMPOTENCY_KEY = "IdempotencyKey"
IF_NONE_MATCH = "IfNoneMatch"
ETAG = "ETag"
LOCATION = "Location"
OK, CREATED = "200", "201"
EVENT_STREAM = "text/event-stream"
_VARIABLE = re.compile(r"\{(\w+)\}")
# Where a first sentence's first clause ends: enough for a list of operations.
_CLAUSE = re.compile(r"[.;:,] ")
REQUEST_ID = "request_id"
MAY_SAY_NOTHING = frozenset({"aviary.media.v1.MediaService/CreateUpload"})
"""RPCs that need nothing of what their bodies can say."""
ASKED_FOR_PROOF = frozenset(rpc for one in CLASSES if one.step_up for rpc in one.rpcs)


def operation(rpc: PublicRpc, rpcs: Sequence[PublicRpc], messages: Mapping[str, Message]) -> Json:
    """Return the operation of an RPC, one of `rpcs`."""
    description = prose(rpc.comment)
    in_path = set(_VARIABLE.findall(rpc.template))
    fields = messages[rpc.request].fields
    parameters = [_parameter(field, "path") for field in fields if field.name in in_path]
    result: Json = {
        "operationId": rpc.method,
        "tags": [tag(rpc)],
        "summary": _CLAUSE.split(description)[0].removesuffix("."),
        "description": description,
    }
    if rpc.body:
        given = tuple(field for field in fields if field.name not in in_path)
        content = {"application/json": {"schema": request_schema(messages[rpc.request], given)}}
        required = rpc.path.removeprefix("/") not in MAY_SAY_NOTHING
        result["requestBody"] = {"required": required, "content": content}
    parameters += [_parameter(field, "query") for field in fields if field.name in rpc.query]
    if any(field.name == REQUEST_ID for field in fields):
        parameters.append({"$ref": f"#/components/parameters/{IDEMPOTENCY_KEY}"})
    if rpc.path.removeprefix("/") in ASKED_FOR_PROOF:
        parameters.append({"$ref": f"#/components/parameters/{PROOF_OF_WORK}"})
    if rpc.has_etag:
        parameters.append({"$ref": f"#/components/parameters/{IF_NONE_MATCH}"})
    if parameters:
        result["parameters"] = parameters
    answers = _answers(rpc, messages[rpc.response])
    if leads_to := links(rpc, rpcs, messages):
        answers[success(answers)]["links"] = leads_to
    result["responses"] = {**answers, **error_responses(rpc)}
    result["security"] = _security(rpc)
    if rpc.deprecated:
        result["deprecated"] = True
    return result


def tag(rpc: PublicRpc) -> str:
    """Name the group of an operation: the service's name without its suffix."""
    return rpc.service.rpartition(".")[2].removesuffix("Service")


def success(responses: Iterable[str]) -> str:
    """Pick the status of the answer with what was asked for, of an operation's responses."""
    return CREATED if CREATED in responses else OK


def _parameter(field: Field, where: str) -> Json:
    parameter: Json = {
        "name": field.name,
        "in": where,
        "required": where == "path" or field.required,
        "description": field.comment,
        "schema": parameter_schema(field, in_path=where == "path"),
    }
    return parameter | ({"deprecated": True} if field.deprecated else {})


def _answers(rpc: PublicRpc, message: Message) -> Json:
    shown = {"schema": reference(message.full_name)}
    content = {EVENT_STREAM if rpc.lasting else "application/json": shown}
    paged = {NEXT_PAGE} if takes_next_page(rpc, message) else set[str]()
    headers = references(OF_ANY_ANSWER | OF_LIMITED | paged)
    answer: Json = {"description": message.comment, "headers": headers, "content": content}
    if rpc.creates:
        made = {"Location": {"$ref": f"#/components/headers/{LOCATION}"}}
        return {CREATED: answer | {"headers": made | headers}}
    if not rpc.has_etag:
        return {OK: answer}
    headers = {"ETag": {"$ref": f"#/components/headers/{ETAG}"}} | headers
    unchanged = {"description": "What the caller has is still right.", "headers": headers}
    return {OK: answer | {"headers": headers}, "304": unchanged}


def _security(rpc: PublicRpc) -> list[Json]:
    if rpc.scope is None:
        return []
    return [{SECURITY_SCHEME: [rpc.scope]}]
