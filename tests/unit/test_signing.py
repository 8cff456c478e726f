import os
from pathlib import Path

import pytest

from services.platform.config.signing_keys import SigningKey, key_file, parse_keys
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.files import watched_file
from services.platform.security.signing import WINDOW_MS, Signer, Verifier

NEW, OLD = SigningKey("new", b"n" * 32), SigningKey("old", b"o" * 32)
PATH = "/aviary.id.v1.IdService/LeaseWorker"
BODY = b"\x0a\x01a"


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


class Nonces:
    """In memory; real ones are Valkey's, in the contract tests."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.away = False

    async def claim(self, nonce: str, keep_ms: int) -> bool:
        assert keep_ms > 2 * WINDOW_MS
        if self.away:
            raise UnavailableError("away")
        first = nonce not in self.seen
        self.seen.add(nonce)
        return first


class Pair:
    def __init__(self, *keys: SigningKey) -> None:
        self.clock, self.nonces = Clock(), Nonces()
        self.signer = Signer(lambda: keys, self.clock)
        self.verifier = Verifier(lambda: keys, self.nonces, self.clock)

    async def refusal(self, path: str, body: bytes, signature: str) -> str:
        with pytest.raises(PermissionDeniedError) as caught:
            await self.verifier.verify(path, body, signature)
        return caught.value.reason


async def test_what_was_signed_is_taken_once() -> None:
    pair = Pair(NEW)
    signature = pair.signer.sign(PATH, BODY)
    await pair.verifier.verify(PATH, BODY, signature)
    assert await pair.refusal(PATH, BODY, signature) == "SIGNATURE_REPLAYED"
    await pair.verifier.verify(PATH, BODY, pair.signer.sign(PATH, BODY))


async def test_the_signature_covers_every_field() -> None:
    pair = Pair(NEW, OLD)
    version, key_id, time, nonce, mac = pair.signer.sign(PATH, BODY).split(" ")
    other = f"{int(nonce, 16) ^ 1:032x}"
    for path, body, key, at, once in (
        (PATH + "s", BODY, key_id, time, nonce),
        (PATH, BODY + b"\0", key_id, time, nonce),
        (PATH, BODY, "old", time, nonce),
        (PATH, BODY, key_id, str(int(time) + 1), nonce),
        (PATH, BODY, key_id, time, other),
    ):
        signature = f"{version} {key} {at} {once} {mac}"
        assert await pair.refusal(path, body, signature) == "SIGNATURE_INVALID"
    # Nothing of it used up the nonce.
    await pair.verifier.verify(PATH, BODY, f"{version} {key_id} {time} {nonce} {mac}")


@pytest.mark.parametrize("passed_ms", [WINDOW_MS + 1, -WINDOW_MS - 1])
async def test_too_old_or_too_new(passed_ms: int) -> None:
    pair = Pair(NEW)
    signature = pair.signer.sign(PATH, BODY)
    pair.clock.ms += passed_ms
    assert await pair.refusal(PATH, BODY, signature) == "SIGNATURE_EXPIRED"
    assert not pair.nonces.seen


@pytest.mark.parametrize("passed_ms", [WINDOW_MS, -WINDOW_MS])
async def test_within_the_window(passed_ms: int) -> None:
    pair = Pair(NEW)
    signature = pair.signer.sign(PATH, BODY)
    pair.clock.ms += passed_ms
    await pair.verifier.verify(PATH, BODY, signature)


async def test_unknown_key() -> None:
    signature = Pair(OLD).signer.sign(PATH, BODY)
    assert await Pair(NEW).refusal(PATH, BODY, signature) == "SIGNATURE_KEY_UNKNOWN"


async def test_both_keys_are_good_while_they_rotate() -> None:
    nonces: set[str] = set()
    for signs, verifies in (
        ((OLD,), (OLD, NEW)),
        ((OLD, NEW), (NEW, OLD)),
        ((NEW, OLD), (OLD, NEW)),
        ((NEW,), (NEW, OLD)),
    ):
        pair = Pair(*verifies)
        signature = Pair(*signs).signer.sign(PATH, BODY)
        assert signature.split(" ")[1] == signs[0].key_id
        await pair.verifier.verify(PATH, BODY, signature)
        nonces |= pair.nonces.seen
    assert len(nonces) == 4


async def test_denied_while_replays_cannot_be_known() -> None:
    pair = Pair(NEW)
    pair.nonces.away = True
    with pytest.raises(UnavailableError):
        await pair.verifier.verify(PATH, BODY, pair.signer.sign(PATH, BODY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "v2 new 1800000000000 " + "0" * 32 + " " + "0" * 64,
        "v1 new 1800000000000 " + "0" * 31 + " " + "0" * 64,
        "v1 new 1800000000000 " + "0" * 32 + " " + "0" * 63,
        "v1 new 1800000000000  " + "0" * 32 + " " + "0" * 64,
        "v1 new -1 " + "0" * 32 + " " + "0" * 64,
        "v1 new " + "1" * 400 + " " + "0" * 32 + " " + "0" * 64,
        "v1 new 1800000000000 " + "0" * 32 + " " + "é" * 64,
    ],
)
async def test_anything_else_is_malformed(text: str) -> None:
    assert await Pair(NEW).refusal(PATH, BODY, text) == "SIGNATURE_MALFORMED"


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "new", "new:", f"new:{'5a' * 31}", f":{'5a' * 32}", f"n/w:{'5a' * 32}"),
        *(f"a:{'5a' * 32},a:{'a5' * 32}", f"{'a' * 33}:{'5a' * 32}", "new:" + "zz" * 32),
    ],
)
def test_bad_keys_are_reported_without_a_secret(text: str) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        parse_keys(text)
    assert "5a" not in str(caught.value)
    assert "zz" not in str(caught.value)


def test_a_key_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_file, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "signing.keys"
    path.write_text(f"old:{'0f' * 32}\n")
    keys = key_file(path)
    assert [key.key_id for key in keys()] == ["old"]
    path.write_text(f"old:{'0f' * 32}\nnew:{'f0' * 32}\n")
    assert [key.key_id for key in keys()] == ["old", "new"]
    path.write_text("new:short")
    assert [key.key_id for key in keys()] == ["old", "new"]
    path.unlink()
    assert [key.key_id for key in keys()] == ["old", "new"]
    other = tmp_path / "next"
    other.write_text(f"new:{'f0' * 32}")
    os.replace(other, path)  # noqa: PTH105 - as a mounted secret is swapped
    assert [key.secret for key in keys()] == [b"\xf0" * 32]
