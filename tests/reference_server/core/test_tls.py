"""The contexts of both sides, on a real listener."""

import asyncio
import contextlib
import ssl

import pytest
import uvloop

from gauntlet.reference_server.cluster.certificates import issue
from gauntlet.reference_server.core import tls
from gauntlet.reference_server.core.config import ClientTls
from gauntlet.reference_server.core.tls import client_context, listener_options, server_context


@pytest.fixture
def certificates(tmp_path):
    """Certificates of a cluster."""
    return issue(tmp_path)


@pytest.fixture
def client_tls(certificates):
    """The part of a process's configuration."""
    return ClientTls(1, str(certificates.certificate), str(certificates.key))


@contextlib.asynccontextmanager
async def listening(options):
    """Serve an echo of one line; yield the port."""

    async def echo(reader, writer):
        with contextlib.suppress(OSError):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo_of(port, context):
    """Connect, let the server echo a line; return the line and the TLS object."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(b"hello\n")
        return await reader.readline(), writer.get_extra_info("ssl_object")
    finally:
        writer.close()


def test_without_tls_a_listener_has_no_further_options():
    assert listener_options(None) == {}
    assert client_context(None) is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(client_tls, certificates, version):
    context = client_context(certificates)
    context.minimum_version = context.maximum_version = version
    async with listening(listener_options(client_tls)) as port:
        line, connection = await echo_of(port, context)
    assert line == b"hello\n"
    assert connection.version() == f"TLSv1.{version.value - 0x301}"


def test_older_versions_are_refused_and_nothing_is_negotiated_twice(client_tls):
    context = server_context(client_tls)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION


def test_a_session_is_resumed(client_tls, certificates):
    """A second connection of a client needs no certificate; here with TLS 1.2, in memory."""
    server_side, client_side = server_context(client_tls), client_context(certificates)
    client_side.maximum_version = ssl.TLSVersion.TLSv1_2

    def connect(session):
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_side.wrap_bio(
            to_client, to_server, server_hostname="localhost", session=session
        )
        server = server_side.wrap_bio(to_server, to_client, server_side=True)
        for side in (client, server) * 3:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        return client

    first = connect(None)
    assert not first.session_reused
    assert connect(first.session).session_reused


def test_a_handshake_that_trickles_is_ended_in_time(client_tls, monkeypatch):
    """The limit is for the whole handshake, not for each byte; with the server's event loop."""
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_S", 0.5)

    async def trickle():
        async with listening(listener_options(client_tls)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01\x02\x00\x01\x00")
            began_s = asyncio.get_running_loop().time()
            with contextlib.suppress(OSError):
                while not reader.at_eof() and asyncio.get_running_loop().time() < began_s + 30:
                    writer.write(b"\x00")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await reader.read(100)
            writer.close()
            return asyncio.get_running_loop().time() - began_s

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert 0.4 < runner.run(trickle()) < 30
