"""What becomes of searches while OpenSearch is away, slow, or not to be trusted."""

import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.platform.errors import UnavailableError
from services.platform.runtime.clock import SystemClock
from services.platform.security.certificates.authority import Authority, load_pair, new_authority
from services.search.opensearch_client import open_client
from services.search.opensearch_index import OpenSearchIndex
from services.search.opensearch_state import OpenSearchState
from tests.contract.opensearch_stand_in import StandIn, opensearch_stand_in
from tests.contract.search_index import found, query, tweet

TIMEOUT_S = 30.0


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with opensearch_stand_in() as running:
        yield running


@asynccontextmanager
async def opened(url: str, timeout_s: float = TIMEOUT_S) -> AsyncIterator[OpenSearchIndex]:
    client = open_client(url, timeout_s=timeout_s)
    state = OpenSearchState(client, "test", "holder", SystemClock())
    try:
        yield OpenSearchIndex(client, "test", state)
    finally:
        await client.close()


def with_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}@")


async def test_what_cannot_be_reached_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with opened(f"http://127.0.0.1:{taken.getsockname()[1]}") as index:
            with pytest.raises(UnavailableError, match="no connection") as caught:
                await index.count()
    assert "127.0.0.1" not in str(caught.value), "callers see it"


async def test_what_does_not_answer_in_time_is_unavailable_after_one_try() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with opened(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2) as index:
            with pytest.raises(UnavailableError, match="timed out"):
                await index.count()
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_errors_are_unavailable_after_one_try(stand_in: StandIn, status: int) -> None:
    stand_in.fails_with = lambda _method, _path: status
    async with opened(stand_in.url) as index:
        with pytest.raises(UnavailableError, match=str(status)):
            await index.newest(query("x"), None, 3)
        with pytest.raises(UnavailableError, match=str(status)):
            await index.apply([tweet(1, "x one")], (), 1)
    assert len(stand_in.calls) == 2


async def test_a_search_before_there_is_an_index_is_unavailable(stand_in: StandIn) -> None:
    async with opened(stand_in.url) as index:
        with pytest.raises(UnavailableError, match="404"):
            await index.relevant(query("x"), 0)


async def test_what_was_not_written_whole_is_written_by_a_repeat(stand_in: StandIn) -> None:
    async with opened(stand_in.url) as index:
        await index.open()
        stand_in.fails_with = lambda _, path: 503 if path.endswith("_bulk") else None
        with pytest.raises(UnavailableError):
            await index.apply([tweet(1, "x one")], (), 1)
        stand_in.fails_with = lambda _method, _path: None
        await index.apply([tweet(1, "x one")], (), 1)
        assert await found(index, "x") == [1]


async def test_an_index_without_its_alias_is_not_written_to(stand_in: StandIn) -> None:
    async with opened(stand_in.url) as index:
        await index.open()
        (made,) = (each for each in stand_in.indexes.values() if each.aliases)
        made.aliases.clear()
        with pytest.raises(UnavailableError, match="alias"):
            await index.open()
        with pytest.raises(UnavailableError):
            await index.apply([tweet(1, "x one")], (), 1)


async def test_the_password_is_read_for_each_request(stand_in: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    stand_in.login = "aviary:first"
    async with opened(f"{with_user(stand_in.url, 'aviary')}?password_file={file}") as index:
        await index.open()
        stand_in.login = "aviary:second"
        with pytest.raises(UnavailableError, match="401"):
            await index.count()
        file.write_text("second\n")
        assert await index.count() == 0


async def test_passwords_and_queries_are_in_no_log(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stand_in.login = "aviary:hunter2/2"
    async with opened(with_user(stand_in.url, "aviary:hunter2%2F2")) as index:
        await index.open()
        await index.newest(query("embarrassing"), None, 3)
        stand_in.fails_with = lambda _method, _path: 503
        with pytest.raises(UnavailableError) as caught:
            await index.newest(query("embarrassing"), None, 3)
    for shown in (caplog.text, repr(caught.value), repr(caught.value.__cause__)):
        assert "hunter2" not in shown
        assert "embarrassing" not in shown


def served_as(folder: Path, address: str) -> ssl.SSLContext:
    """A server's context, with a certificate for an address; `ca.pem` has who signed it."""
    now = datetime.now(UTC)
    made = new_authority(now)
    authority, own = Authority(*load_pair(made)), ec.generate_private_key(ec.SECP256R1())
    names = [x509.IPAddress(ip_address(address))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(authority.key, hashes.SHA256())
    )
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ca.pem").write_bytes(made.certificate)
    (folder / "own.pem").write_bytes(certificate.public_bytes(Encoding.PEM) + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "own.pem")
    return context


async def test_certificates_and_names_are_verified(tmp_path: Path) -> None:
    with opensearch_stand_in(served_as(tmp_path, "127.0.0.1")) as stand_in:
        trusted = f"?ssl_ca_certs={tmp_path / 'ca.pem'}"
        by_name = stand_in.url.replace("127.0.0.1", "localhost")
        for url in (stand_in.url, by_name + trusted):
            async with opened(url) as index:
                with pytest.raises(UnavailableError, match="can be trusted"):
                    await index.open()
        assert not stand_in.calls
        async with opened(stand_in.url + trusted) as index:
            assert await index.open()
