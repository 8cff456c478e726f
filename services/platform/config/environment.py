"""Typed reads of an environment; each names its variable when the value does not fit."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

from services.platform.config.secret_keys import Secret, parse_secrets
from services.platform.config.signing_keys import SigningKey, parse_keys

__all__ = ["MAX_PORT", "UNIX", "SettingsError", "Variables"]

MAX_PORT = 65_535
UNIX = "unix:"
"""What the address of a Unix socket begins with, as gRPC has it; its path comes after."""


class SettingsError(ValueError):
    """An environment variable has a value the process cannot start with.

    `got` is None where the value is a secret or the variable is not set.
    """

    def __init__(self, variable: str, *, got: str | None, wanted: str) -> None:
        shown = "a value not shown, or nothing" if got is None else repr(got)
        super().__init__(f"{variable}: got {shown}, wanted {wanted}")
        self.variable = variable
        self.got = got
        self.wanted = wanted


class Variables:
    """Typed reads of an environment; each names its variable when the value does not fit."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def text(self, name: str) -> str | None:
        """Read a text; None where it is unset or empty."""
        return self._env.get(name, "").strip() or None

    def names(self, name: str) -> tuple[str, ...]:
        """Read names, separated by commas or spaces."""
        return tuple((self.text(name) or "").replace(",", " ").split())

    def choice(self, name: str, default: str, *others: str) -> str:
        """Read one of these."""
        value = self.text(name) or default
        if value not in (default, *others):
            self._reject(name, value, "one of " + ", ".join((default, *others)))
        return value

    def integer(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        """Read a whole number."""
        value = self.text(name)
        if value is None:
            return default
        # isdecimal also takes other scripts' digits, which nobody means in a setting.
        fits = value.isascii() and value.isdecimal() and int(value) >= least
        if not fits or (most is not None and int(value) > most):
            upper = "" if most is None else f" and at most {most}"
            self._reject(name, value, f"a whole number, at least {least}{upper}")
        return int(value)

    def address(self, name: str, default: str) -> str:
        """Read a `host:port`."""
        value = self.text(name) or default
        host, _, port = value.rpartition(":")
        if not (host and port.isascii() and port.isdecimal() and int(port) <= MAX_PORT):
            self._reject(name, value, f"host:port, with a port of at most {MAX_PORT}")
        return value

    def service_address(self, name: str, default: str) -> str:
        """Read a `host:port`, or a Unix socket as `unix:/path`."""
        value = self.text(name) or default
        return value if value.startswith(f"{UNIX}/") else self.address(name, default)

    def optional_address(self, name: str) -> str | None:
        """Read a `host:port`; None where it is unset."""
        return None if self.text(name) is None else self.address(name, "")

    def valkey_url(self, name: str, default: str) -> str:
        """Read the URL of a Valkey."""
        value = self.text(name) or default
        if not self._is_url(value, {"redis", "rediss", "unix"}):
            # The URL may hold a password, so it is not shown.
            raise SettingsError(name, got=None, wanted="a URL such as redis://127.0.0.1:6379/0")
        options = parse_qs(urlsplit(value).query, keep_blank_values=True)
        if options.get("cluster", ["false"])[0] not in {"true", "false"}:
            raise SettingsError(name, got=None, wanted="cluster=true or cluster=false in the URL")
        if any(len(values) > 1 for values in options.values()):
            raise SettingsError(name, got=None, wanted="each option of the URL once")
        return value

    def http_url(self, name: str) -> str | None:
        """Read a URL; None where it is unset."""
        value = self.text(name)
        if value is not None and not self._is_url(value, {"http", "https"}):
            self._reject(name, value, "a URL such as http://127.0.0.1:4317")
        return value

    def origin(self, name: str, default: str) -> str:
        """Read a URL without a path."""
        value = self.text(name) or default
        rest = urlsplit(value).path if self._is_url(value, {"http", "https"}) else value
        if rest or any(mark in value for mark in "?#@"):
            self._reject(name, value, f"scheme://host:port and no more, such as {default}")
        return value

    def path(self, name: str) -> Path | None:
        """Read a path; None where it is unset."""
        value = self.text(name)
        return None if value is None else Path(value)

    def secret(self, name: str, least_bytes: int, most_bytes: int | None = None) -> Secret:
        """Read bytes written as hex digits, never shown, or where they are: `<name>_FILE`."""
        value, path = self.text(name), self.path(f"{name}_FILE")
        if value is None or path is None:
            try:
                keys = parse_secrets(value, least_bytes, most_bytes) if value else (None,)
            except ValueError as error:
                raise SettingsError(name, got=None, wanted=str(error)) from error
            if len(keys) == 1:
                return Secret(name, keys[0], path, least_bytes, most_bytes)
        raise SettingsError(name, got=None, wanted=f"one key, or several in {name}_FILE")

    def is_plain(self) -> bool:
        """Whether `AVIARY_TLS` asks for plaintext."""
        return self.choice("AVIARY_TLS", "on", "off") == "off"

    def tls_dir(self, addresses: Mapping[str, str]) -> Path | None:
        """Plaintext has to be asked for wherever somebody else could listen."""
        folder = self.path("AVIARY_TLS_DIR")
        if self.is_plain():
            if folder is not None:
                self._reject("AVIARY_TLS", "off", "on, or no AVIARY_TLS_DIR")
            return None
        exposed = [name for name, at in addresses.items() if not _is_loopback(at)]
        if folder is None and exposed:
            told = f"since AVIARY_{exposed[0].upper()}_ADDRESS is not loopback"
            wanted = f"a folder of certificates, {told}; or AVIARY_TLS=off for plaintext"
            self._reject("AVIARY_TLS_DIR", "", wanted)
        return folder

    def identity_tls_dir(self, address: str, tls_dir: Path | None) -> Path | None:
        """Read the folder for the issuer's HTTP listener at `address`; else it is `tls_dir`."""
        name = "AVIARY_IDENTITY_TLS_DIR"
        own = self.path(name)
        if self.is_plain():
            if own is not None:
                self._reject("AVIARY_TLS", "off", f"on, or no {name}")
            return None
        folder = own or tls_dir
        if folder is None and not _is_loopback(address):
            told = "since AVIARY_IDENTITY_HTTP_ADDRESS is not loopback"
            wanted = f"a folder of certificates, {told}; or AVIARY_TLS=off for plaintext"
            self._reject(name, "", wanted)
        return folder

    def sidecar(self, name: str, addresses: Mapping[str, str]) -> bool:
        """Read `on` or `off`. All beyond loopback is the sidecar's to reach and be reached from."""
        if self.choice(name, "off", "on") == "off":
            return False
        if self.path("AVIARY_TLS_DIR") is not None:
            self._reject(name, "on", "off, or no AVIARY_TLS_DIR: the sidecar has the certificates")
        for service, at in addresses.items():
            if not _is_loopback(at):
                variable = f"AVIARY_{service.upper()}_ADDRESS"
                self._reject(variable, at, f"a loopback address, since {name}=on")
        return True

    def signing_keys(self, name: str) -> Sequence[SigningKey]:
        """Read keys that requests are signed with."""
        value = self.text(name)
        if value is None:
            return ()
        if self.text("AVIARY_SIGNING_KEYS_FILE") is not None:
            raise SettingsError(name, got=None, wanted="nothing, or no AVIARY_SIGNING_KEYS_FILE")
        try:
            return parse_keys(value)
        except ValueError as error:
            raise SettingsError(name, got=None, wanted=f"id:hex,id:hex; it has {error}") from error

    @staticmethod
    def _is_url(value: str, schemes: set[str]) -> bool:
        try:
            parts = urlsplit(value)
            _ = parts.port  # reading it is what checks it
        except ValueError:
            return False
        return parts.scheme in schemes and bool(parts.hostname or parts.path)

    @staticmethod
    def _reject(name: str, value: str, wanted: str) -> NoReturn:
        raise SettingsError(name, got=value, wanted=wanted)


def _is_loopback(address: str) -> bool:
    if address.startswith(UNIX):
        return True
    host = address.rpartition(":")[0]
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
