from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from services.platform.security.certificates.folder import CertificateFolder, FolderError
from services.platform.security.identities import IDENTITIES
from services.platform.security.tls import CredentialsError, TlsFiles
from tests.certificates import foreign_authority, leaf, serial_of

NOW = datetime.now(UTC)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_everybody_gets_one_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "new" / "certificates"
    assert CertificateFolder(path).renew(NOW) == list(IDENTITIES)
    assert path.stat().st_mode & 0o777 == 0o700
    secret = [each for each in path.iterdir() if each.suffix in {".pem", ".key"}]
    assert len(secret) == 2 * (len(IDENTITIES) + 1)
    assert {each.stat().st_mode & 0o777 for each in secret} == {0o600}
    assert not list(path.glob(".*.pem*"))


def test_a_leaf_names_its_process_and_cannot_sign(tmp_path: Path) -> None:
    CertificateFolder(tmp_path).renew(NOW)
    made = certificate(tmp_path / "tweet.pem")
    names = made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://aviary.local/tweet"
    ]
    assert names.get_values_for_type(x509.DNSName) == ["tweet.aviary.internal"]
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not basic.ca
    made.verify_directly_issued_by(certificate(tmp_path / "ca.pem"))


def test_renewed_past_two_thirds_and_not_before(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    folder.renew(NOW)
    before = serial_of(tmp_path / "tweet.pem")
    assert folder.renew(NOW + timedelta(days=4)) == []
    assert serial_of(tmp_path / "tweet.pem") == before
    assert folder.renew(NOW + timedelta(days=5)) == list(IDENTITIES)
    assert serial_of(tmp_path / "tweet.pem") != before


def test_what_is_damaged_is_made_anew(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    folder.renew(NOW)
    (tmp_path / "tweet.key").write_bytes((tmp_path / "user.key").read_bytes())
    (tmp_path / "graph.pem").write_text("")
    (tmp_path / "edge.pem").unlink()
    (tmp_path / "id.pem").write_bytes(leaf(foreign_authority(), "id").certificate)
    assert sorted(folder.renew(NOW)) == ["edge", "graph", "id", "tweet"]
    assert folder.renew(NOW) == []


def test_an_authority_is_replaced_with_an_overlap(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    folder.renew(NOW)
    old = certificate(tmp_path / "ca.pem")
    with pytest.raises(FolderError, match="add one first"):
        folder.switch_authority(NOW)

    folder.add_authority(NOW)
    trusted = x509.load_pem_x509_certificates((tmp_path / "ca.pem").read_bytes())
    assert len(trusted) == 2
    assert folder.renew(NOW) == []
    with pytest.raises(FolderError, match="switch to it"):
        folder.add_authority(NOW)
    with pytest.raises(FolderError, match="switch to it first"):
        folder.drop_authority(NOW)

    assert folder.switch_authority(NOW) == list(IDENTITIES)
    (new,) = (each for each in trusted if each != old)
    certificate(tmp_path / "tweet.pem").verify_directly_issued_by(new)
    assert folder.drop_authority(NOW) == 1
    assert x509.load_pem_x509_certificates((tmp_path / "ca.pem").read_bytes()) == [new]
    assert folder.renew(NOW) == []


def test_a_lost_authority_is_reported_not_replaced(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    folder.renew(NOW)
    (tmp_path / "ca.key").write_bytes((tmp_path / "user.key").read_bytes())
    with pytest.raises(FolderError, match="key of no authority"):
        folder.renew(NOW)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: (f / "tweet.pem").unlink(), r"tweet\.pem: No such file"),
        (lambda f: (f / "tweet.pem").write_text("?"), r"tweet\.pem: no certificate"),
        (lambda f: (f / "tweet.key").write_text("hunter2"), r"tweet\.key: no private key"),
        (lambda f: (f / "ca.pem").write_text(""), r"ca\.pem: no certificates"),
        (lambda f: (f / "user.key").replace(f / "tweet.key"), r"is not the key of"),
    ],
)
def test_files_of_no_use_are_named(tmp_path: Path, damage, named: str) -> None:
    CertificateFolder(tmp_path).renew(NOW)
    damage(tmp_path)
    with pytest.raises(CredentialsError, match=named) as caught:
        TlsFiles(tmp_path, "tweet")
    assert "hunter2" not in str(caught.value)


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    CertificateFolder(tmp_path).renew(NOW - timedelta(days=8))
    with pytest.raises(CredentialsError, match="has expired"):
        TlsFiles(tmp_path, "tweet")


def test_a_half_written_renewal_waits_for_its_other_half(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    folder.renew(NOW - timedelta(days=5))
    files = TlsFiles(tmp_path, "tweet")
    old, key = files.current, (tmp_path / "tweet.key").read_bytes()
    folder.renew(NOW)
    new_key = (tmp_path / "tweet.key").read_bytes()

    (tmp_path / "tweet.key").write_bytes(key)
    files.refresh()
    assert files.current is old
    (tmp_path / "tweet.key").write_bytes(new_key)
    files.refresh()
    assert files.current.serial == serial_of(tmp_path / "tweet.pem")
    assert files.current.key == new_key
