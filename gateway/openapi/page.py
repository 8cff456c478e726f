"""The page that shows the document: one file of HTML and CSS, which asks for nothing else.

Needs jinja2, so it is made when the project is generated, not when it runs.
"""

import json
import re
from dataclasses import dataclass

import jinja2
from markupsafe import Markup, escape

from gateway.openapi.examples import curl, example, resolved
from gateway.openapi.operations import success
from gateway.openapi.schemas import Json
from services.platform.error_reasons import Reason

__all__ = ["to_html"]

_CODE = re.compile(r"`([^`]+)`")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Errors of an operation's own come first; these could come of any.
SHARED = "$ref"


@dataclass(frozen=True, slots=True)
class _Field:
    """A line in a table of fields or parameters."""

    name: str
    where: str
    kind: str
    link: str
    required: bool
    deprecated: bool
    description: str


@dataclass(frozen=True, slots=True)
class _Operation:
    """What the page shows of an operation."""

    name: str
    title: str
    verb: str
    path: str
    summary: str
    description: str
    scope: str
    deprecated: bool
    parameters: list[_Field]
    body: list[_Field]
    answer: list[_Field]
    errors: list[tuple[str, list[str]]]
    shared_errors: list[str]
    curl: str
    answer_example: str


def to_html(document: Json) -> str:
    """Render the page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway.openapi", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["code"] = _with_code
    operations = [
        (operation["tags"][0], _operation(verb, path, operation, document))
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]
    groups = {
        tag["name"]: [o for name, o in operations if name == tag["name"]]
        for tag in document["tags"]
    }
    schemas = {
        name: (schema["description"], _fields(schema, document))
        for name, schema in document["components"]["schemas"].items()
        # The others are shown where they are answers.
        if not name.endswith("Response")
    }
    scheme = document["components"]["securitySchemes"]["oauth2"]
    return environment.get_template("page.html.j2").render(
        info=document["info"],
        groups=groups,
        schemas=schemas,
        formats=document["x-formats"],
        scopes=scheme["flows"]["clientCredentials"]["scopes"],
        security=scheme["description"],
        error_example=_pretty(ERROR_EXAMPLE),
    )


ERROR_EXAMPLE: Json = {
    "code": 5,
    "message": "user 383721024714031104 does not exist",
    "details": [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": Reason.USER_NOT_FOUND,
            "domain": "aviary",
            "metadata": {"user_id": "383721024714031104"},
        }
    ],
}


def _operation(verb: str, path: str, operation: Json, document: Json) -> _Operation:
    succeeded = success(operation["responses"])
    answer = _schema_in(operation["responses"][succeeded])
    body = _schema_in(operation.get("requestBody", {"content": {}}))
    errors = {
        status: response
        for status, response in operation["responses"].items()
        if status != succeeded
    }
    own = {status: one for status, one in errors.items() if SHARED not in one}
    return _Operation(
        name=operation["operationId"],
        title=_WORDS.sub(" ", operation["operationId"]).capitalize(),
        verb=verb,
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        scope=next((scope for one in operation["security"] for scope in one.get("oauth2", [])), ""),
        deprecated=operation.get("deprecated", False),
        parameters=[
            _parameter(resolved(one, document), document) for one in operation.get("parameters", [])
        ],
        body=_fields(body, document),
        answer=_fields(resolved(answer, document), document),
        errors=[(status, one["description"].split("\n\n")) for status, one in own.items()],
        shared_errors=[status for status in errors if status not in own],
        curl=curl(verb, path, operation, document),
        answer_example=_pretty(example(answer, document)),
    )


def _schema_in(described: Json) -> Json:
    """Return the schema of a body, whatever its media type; an empty one where there is none."""
    schemas = [one["schema"] for one in described["content"].values()]
    return dict(schemas[0]) if schemas else {}


def _parameter(parameter: Json, document: Json) -> _Field:
    kind, link = _kind(parameter["schema"], document)
    return _Field(
        name=parameter["name"],
        where=parameter["in"],
        kind=kind,
        link=link,
        required=parameter["required"],
        deprecated=parameter.get("deprecated", False),
        description=parameter["description"],
    )


def _fields(schema: Json, document: Json) -> list[_Field]:
    required = schema.get("required", [])
    fields = []
    for name, property_schema in schema.get("properties", {}).items():
        kind, link = _kind(property_schema, document)
        fields.append(
            _Field(
                name=name,
                where="",
                kind=kind,
                link=link,
                required=name in required,
                deprecated=property_schema.get("deprecated", False),
                description=property_schema.get("description", ""),
            )
        )
    return fields


def _kind(schema: Json, document: Json) -> tuple[str, str]:
    """Say a type in words, and the schema to link to, if any."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    kinds = schema.get("type", "")
    if kinds == "array" or "array" in kinds:
        kind, link = _kind(schema["items"], document)
        return f"list of {kind}{_between(schema, 'Items', '')}", link
    if schema.get("format") == "int64":
        return "64-bit id", ""
    if schema.get("format") == "date-time":
        return "RFC 3339 time", ""
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return kind + _between(schema, "Length", " characters") + _range(schema), ""


def _between(schema: Json, what: str, unit: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if most is None:
        return ""
    return f", {least} to {most}{unit}" if least else f", up to {most}{unit}"


def _range(schema: Json) -> str:
    if schema.get("format") != "int32":
        return ""
    return f", {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _with_code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here
