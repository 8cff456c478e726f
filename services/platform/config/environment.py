"""Reading an environment into a dataclass of Pydantic's, and what is wrong with it in our words."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast, get_args

from pydantic import AliasGenerator, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from services.platform.config.errors import SettingsError

__all__ = ["CONFIG", "UnshownError", "Variable", "read", "text_of", "variable"]

# Pydantic looks for plug-ins in the metadata of all that is installed. There is none, and none is
# to see settings, which hold secrets.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

Read = TypeVar("Read")


class UnshownError(ValueError):
    """A secret is not what is wanted; its text says what is, and the value stays out of it."""


class Variable(NamedTuple):
    """One variable of those that are read into one field."""

    name: str
    default: str


def variable(field: str) -> str:
    """Name the variable that is read into a field: `AVIARY_EDGE_PORT` into `edge_port`."""
    return f"AVIARY_{field.upper()}"


CONFIG: Final = ConfigDict(
    alias_generator=AliasGenerator(validation_alias=variable),
    # For `dataclasses.replace`.
    validate_by_name=True,
    validate_by_alias=True,
    # An error that escaped must not show a secret.
    hide_input_in_errors=True,
)
"""Of each dataclass that is read here."""


def text_of(env: Mapping[str, str], name: str) -> str | None:
    """Return a variable without the blanks around it; None where it is unset or empty."""
    return env.get(name, "").strip() or None


def read(
    kind: type[Read],
    env: Mapping[str, str],
    **mappings: Mapping[str, Variable],
) -> Read:
    """Make a `kind`, a Pydantic dataclass with `CONFIG`, of the variables in `env`.

    A field is one variable, which `variable` or the field's alias names, and has its default where
    that is unset, empty or blank. Fields in `mappings` are one variable for each of their keys.
    Raises SettingsError at the first bad value.
    """
    adapter = TypeAdapter(kind)
    fields: Mapping[str, FieldInfo] = cast("Any", kind).__pydantic_fields__
    names = {str(each.validation_alias) for key, each in fields.items() if key not in mappings}
    values: dict[str, object] = {
        name: text for name in names if (text := text_of(env, name)) is not None
    }
    for field, variables in mappings.items():
        values[field] = {
            key: text_of(env, each.name) or each.default for key, each in variables.items()
        }
    try:
        return adapter.validate_python(values, context=env)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    # Outside of the `except`: a chained error would show what must not be.
    words = {str(each.validation_alias): get_args(each.annotation) for each in fields.values()}
    raise _in_our_words(first, mappings, words)


def _in_our_words(
    error: Mapping[str, Any],
    mappings: Mapping[str, Mapping[str, Variable]],
    words: Mapping[str, Sequence[str]],
) -> SettingsError:
    """Say what is wrong: `error` is one of Pydantic's, as `ValidationError.errors` has it.

    `words` are those that a variable can be, where it is one of a few.
    """
    context = error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, SettingsError):
        return cause
    match error["loc"]:
        case (field, str(key), *_) if field in mappings:
            name = mappings[field][key].name
        case (name, *_):
            # A default that does not fit is reported by the field's name.
            name = name if name in words else variable(name)
    if isinstance(cause, UnshownError):
        return SettingsError(name, got=None, wanted=str(cause))
    wanted = str(cause or error["msg"])
    # Bytes that are no text are no such word either, for which Pydantic has another error.
    if error["type"] in {"literal_error", "string_unicode"}:
        wanted = "one of " + ", ".join(words[name])
    return SettingsError(name, got=str(error["input"]), wanted=wanted)
