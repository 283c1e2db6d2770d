"""The certificates of a cluster: who can use them, for which names, and for how long."""

import contextlib
import datetime as dt
import ssl
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gauntlet.reference_server.cluster.certificates import EXPIRED, issue
from gauntlet.reference_server.core.config import ClientTls
from gauntlet.reference_server.core.tls import client_context, server_context


def handshake(client_context, server_context, host):
    """Let two contexts talk in memory; return the client's side of the connection."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client


def server_of(certificates):
    """Return the context of a server with these certificates."""
    return server_context(ClientTls(1, str(certificates.certificate), str(certificates.key)))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_ca_reaches_the_server_by_each_of_its_names(tmp_path, host):
    """Also one that verifies as strictly as newer Pythons do."""
    certificates = issue(tmp_path)
    client = client_context(certificates)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert handshake(client, server_of(certificates), host).version() == "TLSv1.3"


def test_a_client_refuses_other_names_and_other_cas(tmp_path):
    first, second = issue(tmp_path / "a"), issue(tmp_path / "b")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(client_context(first), server_of(first), "example.org")
    for stranger in (client_context(second), ssl.create_default_context()):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(stranger, server_of(first), "localhost")


def test_the_server_s_certificate_cannot_sign_others(tmp_path):
    certificates = issue(tmp_path)
    ca, server = (
        x509.load_pem_x509_certificate(file.read_bytes())
        for file in (certificates.ca, certificates.certificate)
    )
    basics = [
        each.extensions.get_extension_for_class(x509.BasicConstraints) for each in (ca, server)
    ]
    assert [(each.value.ca, each.critical) for each in basics] == [(True, True), (False, True)]
    server.verify_directly_issued_by(ca)


def test_both_certificates_are_valid_now_and_for_two_weeks(tmp_path):
    now = dt.datetime.now(dt.UTC)
    certificates = issue(tmp_path)
    for file in (certificates.ca, certificates.certificate):
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        assert certificate.not_valid_before_utc < now
        assert now < certificate.not_valid_after_utc <= now + dt.timedelta(days=14, minutes=1)


def test_a_client_refuses_the_expired_certificate_of_the_same_key(tmp_path):
    """The fault `certificate-expiry` presents it."""
    certificates = issue(tmp_path)
    expired = certificates._replace(certificate=certificates.ca.with_name(EXPIRED))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(client_context(certificates), server_of(expired), "localhost")


def test_the_only_private_key_that_is_written_is_the_server_s_and_only_its_owner_reads_it(tmp_path):
    """No further certificates can be issued in the name of the CA."""
    certificates = issue(tmp_path)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(files) == sorted([*certificates, certificates.ca.with_name(EXPIRED)])
    assert [file for file in files if b"PRIVATE" in file.read_bytes()] == [certificates.key]
    assert certificates.key.stat().st_mode & 0o777 == 0o600
    key = load_pem_private_key(certificates.key.read_bytes(), password=None)
    ca = x509.load_pem_x509_certificate(certificates.ca.read_bytes())
    assert key.public_key() != ca.public_key()


def test_every_start_has_a_new_ca_in_the_same_folder(tmp_path):
    """And a key file that others could read until then becomes private."""
    before = issue(tmp_path)
    old_ca = before.ca.read_bytes()
    before.key.chmod(0o644)
    again = issue(tmp_path)
    assert again == before
    assert again.ca.read_bytes() != old_ca
    assert again.key.stat().st_mode & 0o777 == 0o600
    handshake(client_context(again), server_of(again), "localhost")


def test_a_cluster_without_tls_does_not_import_what_issues_certificates():
    """The import takes as long as that of all the rest."""
    code = (
        "import sys, gauntlet.reference_server.cluster.__main__, gauntlet.reference_server.main;"
        "sys.exit('cryptography.x509' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], timeout=60, check=False)
    assert done.returncode == 0
