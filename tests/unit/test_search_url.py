"""Where an OpenSearch is: refused where it cannot be meant, and never shown."""

from pathlib import Path

import pytest

from services.platform.config.settings import Settings, SettingsError

NAME = "AVIARY_SEARCH_URL"
URL = "https://aviary:hunter22@search.example:9200?ssl_ca_certs=/ca.pem"


def test_without_it_each_process_has_an_index_of_its_own() -> None:
    assert Settings.from_environment({}).search_url is None
    assert Settings.from_environment({NAME: " "}).search_url is None


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://search.example",
        "https://search.example/behind/a/path",
        "https://aviary@search.example?password_file=/run/password",
        "http://127.0.0.1:9200",
        "http://[::1]:9200",
    ],
)
def test_urls_that_are_taken(url: str) -> None:
    assert Settings.from_environment({NAME: url}).search_url == url


@pytest.mark.parametrize(
    "url",
    [
        "search.example:9200",
        "https://:hunter22@",
        "redis://aviary:hunter22@search.example",
        "https://aviary:hunter22@search.example:port",
        "https://aviary:hunter22@search.example?verify=false",
        "https://aviary:hunter22@search.example?ssl_ca_certs=/a&ssl_ca_certs=/b",
        "https://search.example?password_file=/hunter22",
        "https://aviary:hunter22@search.example#part",
        "http://aviary:hunter22@search.example:9200",
    ],
)
def test_urls_that_are_refused_are_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=NAME) as caught:
        Settings.from_environment({NAME: url})
    assert "hunter22" not in str(caught.value)


def test_it_is_not_shown_with_the_settings() -> None:
    assert "hunter22" not in repr(Settings.from_environment({NAME: URL}))


def test_plaintext_is_for_who_asks_for_it() -> None:
    url = "http://search.example:9200"
    settings = Settings.from_environment({NAME: url, "AVIARY_TLS": "off"})
    assert settings.search_url == url


def test_it_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    in_file = {f"{NAME}_FILE": str(file)}
    assert Settings.from_environment(in_file).search_url == URL
    for env in (in_file | {NAME: URL}, {f"{NAME}_FILE": str(tmp_path / "none")}):
        with pytest.raises(SettingsError, match=f"{NAME}_FILE"):
            Settings.from_environment(env)
    file.write_text("hunter22")
    with pytest.raises(SettingsError, match=NAME) as caught:
        Settings.from_environment(in_file)
    assert "hunter22" not in str(caught.value)
