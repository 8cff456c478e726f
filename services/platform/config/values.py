"""The types of settings: each refuses a text that does not fit, with what is wanted instead."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, ValidationInfo

from services.platform.config.defaults import MAX_PORT
from services.platform.config.environment import UnshownError, text_of, variable
from services.platform.config.secret_keys import Secret, parse_secrets
from services.platform.config.signing_keys import SigningKey, parse_keys

__all__ = [
    "UNIX",
    "Address",
    "HttpUrl",
    "Names",
    "Off",
    "On",
    "Origin",
    "Port",
    "SearchUrl",
    "ServiceAddress",
    "SigningKeys",
    "ValkeyUrl",
    "each_address",
    "hex_key",
    "is_loopback",
    "joined",
    "whole_number",
]

UNIX: Final = "unix:"
"""What the address of a Unix socket begins with, as gRPC has it; its path comes after."""


_JOINED_BY: Final = ","
_SEVERAL: Final = "127.0.0.1:8001,127.0.0.1:8002; a name may itself have several addresses"
_SEARCH_OPTIONS: Final = frozenset({"password_file", "ssl_ca_certs"})


def whole_number(*, least: int, most: int | None = None) -> BeforeValidator:
    """Take a whole number from `least` to `most`."""

    def read(value: str | int) -> int:
        text = str(value)
        # isdecimal also takes other scripts' digits, which nobody means in a setting.
        fits = text.isascii() and text.isdecimal() and int(text) >= least
        if not fits or (most is not None and int(text) > most):
            upper = "" if most is None else f" and at most {most}"
            raise ValueError(f"a whole number, at least {least}{upper}")
        return int(text)

    return BeforeValidator(read)


def _switch(default: str, other: str) -> BeforeValidator:
    def read(value: str | bool) -> bool:  # noqa: FBT001 - what Pydantic gives
        if isinstance(value, bool):
            return value
        if value not in {default, other}:
            raise ValueError(f"one of {default}, {other}")
        return value == "on"

    return BeforeValidator(read)


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and int(port) <= MAX_PORT):
        raise ValueError(f"host:port, with a port of at most {MAX_PORT}")
    return value


def _service_address(value: str) -> str:
    if value.startswith(f"{UNIX}/"):
        return value
    several = each_address(value)
    if len(several) == 1:
        return _address(value)
    try:
        versions = {ip_address(_host(_address(each))).version for each in several}
    except ValueError as error:
        raise ValueError(f"host:port, or several as {_SEVERAL}") from error
    if len(versions) > 1 or len(set(several)) < len(several):
        raise ValueError(f"different addresses of one version of IP, as {_SEVERAL}")
    return value


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def each_address(value: str) -> Sequence[str]:
    """Return the addresses of a service's processes, of which a setting may have several."""
    return (value,) if value.startswith(UNIX) else tuple(value.split(_JOINED_BY))


def joined(addresses: Iterable[str]) -> str:
    """Write addresses as `each_address` reads them."""
    return _JOINED_BY.join(addresses)


def _is_url(value: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname or parts.path)


def _valkey_url(value: str) -> str:
    # The URL may hold a password, so it is not shown.
    if not _is_url(value, {"redis", "rediss", "unix"}):
        raise UnshownError("a URL such as redis://127.0.0.1:6379/0")
    options = parse_qs(urlsplit(value).query, keep_blank_values=True)
    if options.get("cluster", ["false"])[0] not in {"true", "false"}:
        raise UnshownError("cluster=true or cluster=false in the URL")
    if any(len(values) > 1 for values in options.values()):
        raise UnshownError("each option of the URL once")
    return value


def _search_url(value: str | None, info: ValidationInfo) -> str | None:
    name = variable(str(info.field_name))
    file = text_of({} if info.context is None else info.context, f"{name}_FILE")
    if file is None:
        return value and _checked_search_url(value)
    if value:
        raise UnshownError(f"one URL, here or in {name}_FILE")
    try:
        return _checked_search_url(Path(file).read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UnshownError(f"a URL, or a file with one in {name}_FILE; it has none") from error


def _checked_search_url(value: str) -> str:
    # Not shown, for the same reason.
    if not _is_url(value, {"http", "https"}) or not urlsplit(value).hostname:
        raise UnshownError("a URL such as https://search.example:9200")
    parts = urlsplit(value)
    options = parse_qs(parts.query, keep_blank_values=True)
    if parts.fragment or not options.keys() <= _SEARCH_OPTIONS:
        raise UnshownError(f"no options in the URL but {' and '.join(sorted(_SEARCH_OPTIONS))}")
    if any(len(values) > 1 for values in options.values()):
        raise UnshownError("each option of the URL once")
    if "password_file" in options and not parts.username:
        raise UnshownError("a user in the URL, whose password is in password_file")
    return value


def _http_url(value: str) -> str:
    if not _is_url(value, {"http", "https"}):
        raise ValueError("a URL such as http://127.0.0.1:4317")
    return value


def _origin(value: str) -> str:
    rest = urlsplit(value).path if _is_url(value, {"http", "https"}) else value
    if rest or any(mark in value for mark in "?#@"):
        raise ValueError("scheme://host:port and no more, such as http://127.0.0.1:8080")
    return value


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _signing_keys(value: str | tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
    try:
        return parse_keys(value) if isinstance(value, str) else value
    except ValueError as error:
        raise UnshownError(f"id:hex,id:hex; it has {error}") from error


def hex_key(*, least_bytes: int, most_bytes: int | None = None) -> BeforeValidator:
    """Take a secret written as hex digits, never shown, or where it is: `<variable>_FILE`.

    For fields whose default is None, and is validated: with neither, there is no secret.
    """

    def read(value: str | Secret | None, info: ValidationInfo) -> Secret:
        if isinstance(value, Secret):
            return value
        name = variable(str(info.field_name))
        env = {} if info.context is None else info.context
        file = text_of(env, f"{name}_FILE")
        try:
            keys = parse_secrets(value, least_bytes, most_bytes) if value else (None,)
        except ValueError as error:
            raise UnshownError(str(error)) from error
        if len(keys) > 1 or (value and file):
            raise UnshownError(f"one key, or several in {name}_FILE")
        path = None if file is None else Path(file)
        return Secret(name, keys[0], path, least_bytes, most_bytes)

    return BeforeValidator(read)


On = Annotated[bool, _switch("on", "off")]
"""`on` or `off`; for what is on by default."""
Off = Annotated[bool, _switch("off", "on")]
"""`off` or `on`; for what is off by default."""
Port = Annotated[int, whole_number(least=0, most=MAX_PORT)]
Address = Annotated[str, BeforeValidator(_address)]
"""`host:port`."""
ServiceAddress = Annotated[str, BeforeValidator(_service_address)]
"""`host:port`, or a Unix socket as `unix:/path`; or several `ip:port`, with commas between, of a
service that has as many processes."""
ValkeyUrl = Annotated[str, BeforeValidator(_valkey_url)]
SearchUrl = Annotated[str | None, BeforeValidator(_search_url)]
"""Where an OpenSearch is, or None; also from `<variable>_FILE`, as it may hold a password."""
HttpUrl = Annotated[str, BeforeValidator(_http_url)]
Origin = Annotated[str, BeforeValidator(_origin)]
"""A URL without a path."""
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""Names, separated by commas or spaces."""
SigningKeys = Annotated[tuple[SigningKey, ...], BeforeValidator(_signing_keys)]
"""Keys that requests are signed with, as `id:hex,id:hex`."""


def is_loopback(address: str) -> bool:
    """Whether nobody beyond this machine can reach the `host:port` or `unix:/path`, or any of them.

    Of several addresses, as a service's setting may have them, each must be such.
    """
    if address.startswith(UNIX):
        return True
    return all(map(_is_loopback, each_address(address)))


def _is_loopback(address: str) -> bool:
    host = _host(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
