import pytest

from gateway.envoy import checked_origins


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        (
            "https://a.example, http://127.0.0.1:3000",
            ("https://a.example", "http://127.0.0.1:3000"),
        ),
    ],
)
def test_origins_are_read_from_a_list(text: str, origins: tuple[str, ...]) -> None:
    assert checked_origins(text) == origins


@pytest.mark.parametrize(
    "text", ["a.example", "https://a.example/", "https://*.example", "null", "ftp://a.example"]
)
def test_what_no_browser_sends_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin such as"):
        checked_origins(text)
