"""docs/reference/settings.md has every variable that is read, no other, and true defaults."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.local.liveness import is_wanted
from services.local.logs import LogLimits
from services.platform.config.settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| `((?:AVIARY|OTEL)_\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
# Reads beside `Settings`: of the environment itself, of a command's option, by a constant's name.
READS = re.compile(
    r'environ(?:\.get\(|\[)"(AVIARY_\w+)"|envvar="(AVIARY_\w+)"|^[A-Z_]+ = "(AVIARY_\w+)"$',
    re.MULTILINE,
)
UNSET = "\N{EN DASH}"


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, key, default=None):
        self.names.add(key)
        return super().get(key, default)


def rows() -> dict[str, str]:
    """Variable to default, as the page has them."""
    found = ROW.findall(PAGE.read_text())
    names = [name for name, _, _ in found]
    assert len(names) == len(set(names)), "a variable is there twice"
    return {name: default for name, default, _ in found}


def read_by_settings() -> set[str]:
    asked = Asked({})
    Settings.from_environment(asked)
    return asked.names


def read_by_up() -> set[str]:
    asked = Asked({})
    LogLimits.of(asked)
    is_wanted(asked)
    return asked.names


def read_elsewhere() -> set[str]:
    sources = [path for part in ("services", "gateway", "tools", "tests")
               for path in (ROOT / part).rglob("*.py")]  # fmt: skip
    found = READS.findall("\n".join(path.read_text() for path in sources))
    return {name for each in found for name in each if name}


def test_every_variable_is_on_the_page_and_no_other() -> None:
    assert set(rows()) == read_by_settings() | read_by_up() | read_elsewhere()


def test_settings_make_most_of_it() -> None:
    # Neither way of looking finds nothing.
    assert {
        "AVIARY_STORAGE",
        "AVIARY_TWEET_ADDRESS",
        "AVIARY_TLS",
        "AVIARY_EDGE_LIMITS",
    } <= read_by_settings()
    assert {"AVIARY_CORS_ORIGINS", "AVIARY_TOKEN", "AVIARY_CLOUD_SDK_ROOT"} <= read_elsewhere()


def settings(**environment: str) -> Settings | None:
    """Return None for a value that is refused."""
    try:
        return Settings.from_environment(environment)
    except SettingsError:
        return None


@pytest.mark.parametrize("name", sorted(read_by_settings()))
def test_a_default_is_what_it_is_without(name: str) -> None:
    default = rows()[name]
    literal = re.fullmatch(r"`([^`A-Z]+)`", default)
    if literal is None:
        assert default == UNSET or default.startswith(("that of", "`AVIARY_"))
        return
    assert settings(**{name: literal[1]}) == settings()
    # It is the value that makes no difference, not the variable.
    assert settings(**{name: "something else"}) != settings()
