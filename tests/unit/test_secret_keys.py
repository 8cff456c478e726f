"""Secrets in files: each class of them is replaced while the process runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.control_plane.proof_of_work import ProofOfWork
from services.platform.composition.secrets import keys_of
from services.platform.config.secret_keys import Secret, SecretKeys
from services.platform.config.settings import Settings, SettingsError
from services.platform.errors import InvalidArgumentError
from services.platform.files import watched_file
from services.platform.rpc.paging import CursorCodec
from services.platform.runtime.clock import SystemClock
from services.platform.security.step_up import solve
from services.platform.valkey.lines import ValkeyNode

OLD, NEW = "0a" * 32, "1b" * 32
LIMITED = ("AVIARY_CURSOR_KEY", "AVIARY_CHALLENGE_KEY", "AVIARY_IDENTITY_KEY")


class Audit(list[tuple[str, str]]):
    def record(self, event: str, /, **facts: object) -> None:
        self.append((event, str(facts["name"])))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_file, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(OLD + "\n")
    return path


@pytest.fixture
def keys(path: Path) -> SecretKeys:
    found = Secret("AVIARY_CURSOR_KEY", None, path, 16).keys()
    assert found is not None
    return found


def replace(path: Path, *keys: str) -> None:
    fresh = path.with_name("next")
    fresh.write_text("\n".join(keys))
    fresh.replace(path)


def test_the_file_is_watched_and_its_change_recorded(path: Path) -> None:
    audit = Audit()
    secret = Settings.from_environment({"AVIARY_CURSOR_KEY_FILE": str(path)}).cursor_key
    keys = keys_of(secret, audit)
    assert keys is not None
    assert list(keys()) == [bytes.fromhex(OLD)]
    assert keys() is keys()
    assert audit == []
    with capture_logs() as logs:
        replace(path, NEW, OLD)
        assert list(keys()) == [bytes.fromhex(NEW), bytes.fromhex(OLD)]
    assert audit == [("secret.in_use", "AVIARY_CURSOR_KEY")]
    assert [each["event"] for each in logs] == ["secret.reloaded"]


@pytest.mark.parametrize(
    "spoil", [lambda path: path.unlink(), lambda path: replace(path, "c0ffee")]
)
def test_a_file_of_no_use_changes_nothing_and_is_reported_without_it(
    path: Path, keys: SecretKeys, spoil: Callable[[Path], None]
) -> None:
    with capture_logs() as logs:
        spoil(path)
        assert list(keys()) == [bytes.fromhex(OLD)]
    assert [each["event"] for each in logs] == ["secret.failed"]
    assert "c0ffee" not in str(logs)
    replace(path, NEW)
    assert list(keys()) == [bytes.fromhex(NEW)]


def test_at_the_start_it_is_an_error_that_quotes_nothing(path: Path) -> None:
    path.write_text("c0ffee")
    secret = Settings.from_environment({"AVIARY_IDENTITY_KEY_FILE": str(path)}).identity_key
    with pytest.raises(SettingsError, match="AVIARY_IDENTITY_KEY_FILE") as caught:
        keys_of(secret, None)
    assert "c0ffee" not in str(caught.value)


@pytest.mark.parametrize("name", LIMITED)
def test_a_value_and_a_file_are_too_much(name: str, path: Path) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.from_environment({name: OLD, f"{name}_FILE": str(path)})
    assert OLD not in str(caught.value)


def test_cursors_of_before_hold_until_their_key_is_gone(path: Path, keys: SecretKeys) -> None:
    codec = CursorCodec(keys)
    before = codec.encode("home", 1, 7)
    replace(path, NEW, OLD)
    after = codec.encode("home", 1, 7)
    assert after != before
    assert codec.decode(before, "home", 1) == codec.decode(after, "home", 1) == 7
    replace(path, NEW)
    assert codec.decode(after, "home", 1) == 7
    with pytest.raises(InvalidArgumentError):
        codec.decode(before, "home", 1)


async def test_challenges_of_before_hold_until_their_key_is_gone(
    path: Path, keys: SecretKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ProofOfWork(ValkeyNode(), SystemClock(), keys, difficulty_bits=1)

    async def is_first(_challenge: str) -> bool:
        return True

    # Not what is looked at here, and it wants a Valkey.
    monkeypatch.setattr(work, "_is_first", is_first)
    proof = solve(work.issue("post", "user:1").text, 1)
    replace(path, NEW, OLD)
    assert await work.verify("post", "user:1", proof)
    replace(path, NEW)
    assert not await work.verify("post", "user:1", proof)
