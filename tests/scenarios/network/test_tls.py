"""TLS of WebSockets, HTTP and TCP: whom the load trusts, and how it identifies itself."""

import asyncio
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import serve

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Tls
from gauntlet.reference_server.cluster.certificates import issue
from gauntlet.scenarios.adapters.base import DelimiterFraming, Request
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network import tcp, websocket
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.tls import client_tls
from gauntlet.scenarios.network.wire import Listener, Network, TransportError

SILENT = Listener(lambda _: None, lambda _: None, lambda _code, _reason: None)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA with the certificate of a server on loopback."""
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server_context(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


def network(**settings):
    return Network(AllowedHosts([]), client_tls(Tls(**settings)))


@pytest.fixture
async def secure_url(server_context):
    """The address of a WebSocket server behind TLS; a plain GET is answered with 426."""

    async def handler(socket):
        await socket.wait_closed()

    async with serve(handler, "127.0.0.1", 0, ssl=server_context) as server:
        yield f"wss://localhost:{server.sockets[0].getsockname()[1]}"


async def test_a_server_of_the_named_ca_is_trusted(secure_url, certificates):
    socket, response = await websocket.dial(
        network(ca=str(certificates.ca)), Dial(secure_url), SILENT
    )
    assert response.status == 101
    socket.close()


async def test_a_server_of_an_unknown_ca_is_refused_with_the_reason(secure_url):
    with pytest.raises(TransportError, match="certificate verify failed"):
        await websocket.dial(network(), Dial(secure_url), SILENT)


async def test_an_insecure_target_is_trusted_without_a_ca(secure_url):
    socket, _ = await websocket.dial(network(insecure=True), Dial(secure_url), SILENT)
    socket.close()


async def test_the_name_in_the_certificate_must_be_the_expected_one(secure_url, certificates):
    other = network(ca=str(certificates.ca), server_name="chat.example")
    with pytest.raises(TransportError, match=r"(?i)hostname mismatch"):
        await websocket.dial(other, Dial(secure_url), SILENT)
    address = secure_url.replace("localhost", "127.0.0.1")
    named = network(ca=str(certificates.ca), server_name="localhost")
    socket, _ = await websocket.dial(named, Dial(address), SILENT)
    socket.close()


async def test_a_proxy_in_front_of_the_target_does_not_change_the_expected_name(
    secure_url, certificates
):
    port = secure_url.rpartition(":")[2]
    hosts = AllowedHosts([], {"localhost:443": f"127.0.0.1:{port}"})
    behind = Network(hosts, client_tls(Tls(ca=str(certificates.ca))))
    socket, _ = await websocket.dial(behind, Dial("wss://localhost/"), SILENT)
    socket.close()


async def test_requests_go_over_tls(secure_url, certificates):
    http = HttpClient(network(ca=str(certificates.ca)))
    url = secure_url.replace("wss", "https")
    assert (await http.request(url, Request("GET", "/"), 3)).status == 426
    http.close()
    http = HttpClient(network())
    with pytest.raises(TransportError, match="certificate verify failed"):
        await http.request(url, Request("GET", "/"), 3)
    http.close()


def client_certificate(folder):
    """Write a self-signed certificate of a client and its key, and return both files."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "load generator")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    files = folder / "client.pem", folder / "client-key.pem"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(certificate.public_bytes(pem))
    files[1].write_bytes(
        private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


async def test_a_client_identifies_itself_with_its_own_certificate(
    certificates, server_context, tmp_path
):
    server_context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = client_certificate(tmp_path)
    server_context.load_verify_locations(certificate)
    lines = []

    async def handler(reader, writer):
        lines.append(await reader.readline())
        writer.write(b"welcome\nand more\n")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=server_context)
    url = f"tls://localhost:{server.sockets[0].getsockname()[1]}"
    frames = []
    listener = Listener(frames.append, print, lambda _code, _reason: None)
    known = network(ca=str(certificates.ca), cert=str(certificate), key=str(key))
    wire, _ = await tcp.dial(known, Dial(url, framing=DelimiterFraming), listener)
    wire.send(b"hello\n")
    async with asyncio.timeout(30):
        while len(frames) < 2:
            await asyncio.sleep(0.01)
    wire.close()
    await asyncio.sleep(0.1)
    server.close()
    assert lines == [b"hello\n"]
    assert frames == [b"welcome", b"and more"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca": "/nowhere.pem"}, "target.tls.ca must be a file with PEM certificates"),
        ({"cert": "/nowhere.pem"}, "target.tls.cert must be a PEM certificate"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        client_tls(Tls(**settings))


def test_a_ca_file_without_certificates_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"target\.tls\.ca must be"):
        client_tls(Tls(ca=str(tmp_path / "ca.pem")))


async def test_tls_can_begin_on_an_open_tcp_connection(certificates, server_context):
    async def handler(reader, writer):
        writer.write(b"begin TLS\n")
        await writer.start_tls(server_context)
        writer.write(b"secret " + await reader.readline())
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    url = f"tcp://localhost:{server.sockets[0].getsockname()[1]}"
    frames = []
    listener = Listener(frames.append, print, lambda _code, _reason: None)
    trusting = network(ca=str(certificates.ca))
    wire, _ = await tcp.dial(trusting, Dial(url, framing=DelimiterFraming), listener)
    async with asyncio.timeout(30):
        while not frames:
            await asyncio.sleep(0.01)
        await wire.start_tls(trusting, "localhost")
        wire.send(b"hello\n")
        while len(frames) < 2:
            await asyncio.sleep(0.01)
    wire.close()
    await asyncio.sleep(0.1)
    server.close()
    assert frames == [b"begin TLS", b"secret hello"]
