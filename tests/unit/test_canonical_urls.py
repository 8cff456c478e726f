"""One form for all the ways to write a URL."""

import pytest

from services.platform.text.canonical_urls import canonical_url, expressions, loose_urls

SAME = {
    "evil.example/a/b": (
        "evil.example/a/b",
        "http://evil.example/a/b",
        "HTTPS://EVIL.Example/a/b",
        "https://evil.example:8443/a/b",
        "https://evil.example./a/b",
        "https://evil..example/a/b/",
        "https://good.example@evil.example/a/b",
        "https://good.example%2F@evil.example/a/b",
        "https://user:pass@evil.example/a/b",
        "https://evil.example/a/./c/../b",
        "https://evil.example//a//b",
        "https://evil.example/%61/b",
        "https://evil.example/%25%36%31/b",
        "https://evil.example/a%2Fb",
        "https://%65vil.example/a/b",
        "https:\\\\evil.example\\a\\b",
        "https:////evil.example/a/b",
        "https://evil.example/a/b#part",
        "https://ev\u00adil.example/a/b",
        "https://ev\u200bil.example/a/b",
        "https://evil\u3002example/a/b",
        "https://\uff45vil.example/a/b",
    ),
    "xn--bcher-kva.example": (
        "b\u00fccher.example",
        "BU\u0308CHER.example",
        "XN--BCHER-KVA.example",
    ),
    "192.168.0.1": (
        "192.168.0.1",
        "http://3232235521/",
        "http://0xc0a80001",
        "http://0300.0250.1",
        "http://192.168.1",
    ),
    "[::1]/a": ("http://[::1]:80/a", "http://[::1]/a"),
    "evil.example?q=1": ("https://evil.example?q=1", "https://evil.example/?q=%31"),
}


@pytest.mark.parametrize(
    ("url", "expected"), [(url, form) for form, urls in SAME.items() for url in urls]
)
def test_what_leads_to_one_place_is_one(url: str, expected: str) -> None:
    found = canonical_url(url)
    assert found is not None
    assert "".join(found).replace("/?", "?") == expected


@pytest.mark.parametrize("text", ["", "https://", "http:///", "/path", "?q", "@", "https://@/x"])
def test_what_has_no_host_is_none(text: str) -> None:
    assert canonical_url(text) is None


def test_a_url_is_named_by_its_hosts_and_paths() -> None:
    found = canonical_url("https://a.evil.example/x/y?z")
    assert found is not None
    assert [*expressions(found)] == [
        f"{host}{path}"
        for host in ("a.evil.example", "evil.example", "example")
        for path in ("/x/y?z", "/x/y", "/x", "")
    ]


def test_addresses_are_in_no_domain() -> None:
    found = canonical_url("http://10.0.0.1/x")
    assert found is not None
    assert [*expressions(found)] == ["10.0.0.1/x", "10.0.0.1"]


def test_what_is_named_is_bounded() -> None:
    found = canonical_url(f"https://{'a.' * 500}evil.example{'/x' * 2_000}?q")
    assert found is not None
    named = [*expressions(found)]
    assert len(named) < 400
    assert "evil.example" in named
    assert named[0] == "".join(found)


def test_links_are_found_where_clients_draw_none() -> None:
    text = "see https://good.example@evil.example/x and HTTP:\\\\bad.example, not evil.example"
    assert [*loose_urls(text)] == ["https://good.example@evil.example/x", "HTTP:\\\\bad.example,"]


def test_what_is_too_long_for_a_name_is_not_written_in_punycode() -> None:
    """That takes time by the square of the length, and a text has room for 40,000 characters."""
    longest = "\u00e9" * 63
    found = canonical_url(f"https://{longest}.example")
    assert found is not None
    assert found.host.startswith("xn--")
    assert canonical_url(f"https://\u00e9{longest}.example") == (f"\u00e9{longest}.example", "", "")
