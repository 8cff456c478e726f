"""Makes certificates: an authority, and leaves that it signs (X.509 with SPIFFE ids)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.platform.runtime.clock import MAX_CLOCK_STEP_MS
from services.platform.security.identities import server_name, spiffe_id

__all__ = [
    "AUTHORITY_LIFE",
    "BACKDATED",
    "LEAF_LIFE",
    "RENEW_AFTER",
    "Authority",
    "Pair",
    "is_due",
    "issue",
    "load_pair",
    "new_authority",
]

AUTHORITY_LIFE = timedelta(days=3650)
"""It is for development, and replaced by hand; a year would end in a surprise."""

LEAF_LIFE = timedelta(days=7)
"""A stolen key is of use for so long. A laptop left alone for a weekend still starts at once."""

RENEW_AFTER = 2 / 3
"""Share of a leaf's life; what is left is the time to notice that renewal fails."""

BACKDATED = timedelta(milliseconds=MAX_CLOCK_STEP_MS)
"""By how much a certificate is valid before it was signed: what is made while the clock is ahead is
of use at once when it is right again."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authority:
    """What signs leaves."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_authority(now: datetime) -> Pair:
    """Make a self-signed authority whose leaves cannot sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Its own name for each, so that a verifier with two of them in hand never tries the wrong one.
    name = _name(f"Aviary development CA {now:%Y-%m-%dT%H:%M:%S.%fZ}")
    usage = _usage(signs_certificates=True)
    certificate = (
        _builder(name, name, key, now, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def issue(authority: Authority, name: str, now: datetime) -> Pair:
    """Make a certificate for the process of this name, to serve and to call with."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    until = min(now + LEAF_LIFE, issuer.not_valid_after_utc)
    names: list[x509.GeneralName] = [
        # Exactly one URI: what makes it a SPIFFE certificate.
        x509.UniformResourceIdentifier(spiffe_id(name)),
        x509.DNSName(server_name(name)),
    ]
    both_ways = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_name(name), issuer.subject, key, now, until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both_ways), critical=False)
        .add_extension(_issuer_id(authority), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _pair(certificate, key)


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is time for a new one, or this one is not valid at all."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return not begins <= now < begins + RENEW_AFTER * (ends - begins)


def load_pair(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Parse a pair; raises ValueError where it is damaged or the halves do not belong together."""
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    key = load_pem_private_key(pair.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        certificate.public_key() != key.public_key()
    ):
        raise ValueError("the key is not the certificate's")
    return certificate, key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _issuer_id(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
