"""Issues the certificates of a cluster that speaks TLS: a CA of its own, one server certificate.

Imported only by a cluster that needs it: the import takes as long as that of all the rest.
"""

import datetime as dt
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gauntlet.reference_server.core.tls import Certificates

FOLDER = "tls"
EXPIRED = "expired.pem"
HOST_NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
# Longer than a cluster is expected to run, and short enough that a copied CA soon expires.
VALIDITY = dt.timedelta(days=14)
# For clients whose clock is behind.
CLOCK_ERROR = dt.timedelta(minutes=5)
PEM = serialization.Encoding.PEM


def issue(data_dir: Path) -> Certificates:
    """Create a CA and a server certificate that it signs, and write both below `data_dir`.

    The private key of the CA is never written, so no further certificates can be issued for
    those who trust the CA. The files of an earlier start are replaced.
    """
    folder = data_dir / FOLDER
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    # With P-256, a handshake costs the server a fraction of what it costs with RSA.
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = dt.datetime.now(dt.UTC)
    ca = _ca_certificate(ca_key, now)
    server = _server_certificate(server_key, ca, ca_key, now)
    # What clients would see two weeks from now; it is of no use to anyone.
    expired = _server_certificate(server_key, ca, ca_key, now - VALIDITY - CLOCK_ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    files.ca.write_bytes(ca.public_bytes(PEM))
    files.certificate.write_bytes(server.public_bytes(PEM))
    (folder / EXPIRED).write_bytes(expired.public_bytes(PEM))
    _write_private(
        files.key,
        server_key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    return files


def _ca_certificate(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = _name("Gauntlet reference server CA")
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in HOST_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_name("Gauntlet reference server"), ca.subject, key, now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.CertificateBuilder:
    """Return what both certificates share.

    Clients that verify strictly (RFC 5280, as Python 3.13 does) need the key identifier.
    """
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_ERROR)
        .not_valid_after(now + VALIDITY)
        .add_extension(key_id, critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
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


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that no other user can read at any moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
