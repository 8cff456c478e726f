"""Signed URLs: good for one thing, for a while, by any key that is in use."""

from urllib.parse import parse_qs, urlsplit

import pytest

from services.media.urls import UPLOAD_S, VARIANT_S, UrlSigner
from tests.unit.graph.world import MovableClock

ORIGIN = "https://media.example"
OLD, NEW = b"o" * 32, b"n" * 32


class Signing:
    def __init__(self) -> None:
        self.clock, self.keys = MovableClock(), [OLD]
        self.signer = UrlSigner(ORIGIN, lambda: self.keys, self.clock)

    def left_s(self, url: str, **changed: str) -> int:
        parts = urlsplit(url)
        assert url.startswith(ORIGIN)
        said = {name: value for name, (value,) in parse_qs(parts.query).items()}
        return self.signer.left_s(**{"path": parts.path, **said, **changed})


@pytest.fixture
def signing() -> Signing:
    return Signing()


def test_an_upload_is_good_for_a_quarter_of_an_hour(signing: Signing) -> None:
    at = signing.signer.upload(7)
    assert signing.left_s(at.url) == UPLOAD_S
    assert at.expires_at_ms == (signing.clock.ms // 1_000 + UPLOAD_S) * 1_000
    signing.clock.ms += UPLOAD_S * 1_000 - 1
    assert signing.left_s(at.url) == 1
    signing.clock.ms += 1
    assert signing.left_s(at.url) == 0


def test_a_variant_has_one_url_for_an_hour_and_that_is_good_for_another(signing: Signing) -> None:
    signing.clock.ms -= signing.clock.ms % (VARIANT_S * 1_000)
    first = signing.signer.variant(7, "small")
    signing.clock.ms += VARIANT_S * 1_000 - 1
    assert signing.signer.variant(7, "small") == first
    assert signing.left_s(first.url) >= VARIANT_S
    signing.clock.ms += 1
    assert signing.signer.variant(7, "small").url != first.url


def test_what_is_changed_of_a_url_makes_it_void(signing: Signing) -> None:
    url = signing.signer.variant(7, "small").url
    other = signing.signer.upload(7).url
    assert signing.left_s(url) > 0
    for changed in (
        {"path": "/media/files/8/small"},
        {"path": "/media/files/7/original"},
        {"path": "/media/uploads/7"},
        {"expires": "1800010000"},
        {"expires": "9" * 13},
        {"expires": "-1"},
        {"expires": "١٨٠٠٠٠٧٢٠٠"},
        {"signature": ""},
        {"signature": "é"},
        {"signature": parse_qs(urlsplit(other).query)["signature"][0]},
    ):
        assert signing.left_s(url, **changed) == 0, changed


def test_keys_are_rotated_without_a_gap(signing: Signing) -> None:
    before = signing.signer.upload(7).url
    signing.keys = [NEW, OLD]
    after = signing.signer.upload(7).url
    assert before != after
    assert signing.left_s(before) == signing.left_s(after) == UPLOAD_S
    signing.keys = [NEW]
    assert (signing.left_s(before), signing.left_s(after)) == (0, UPLOAD_S)
