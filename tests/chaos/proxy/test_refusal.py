"""New connections are refused while live ones stay; half-open connections and new ones."""

import asyncio
import contextlib

import pytest

from gauntlet.chaos.proxy.proxy import Proxy, ProxyBody


@pytest.fixture
async def echoing():
    """A proxy to a server that answers with what it receives."""

    async def echo(reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy(ProxyBody(name="p", listen="127.0.0.1:0", upstream=f"127.0.0.1:{port}"), seed=1)
    await proxy.start()
    yield proxy
    proxy.stop()
    while proxy.connections:
        await asyncio.sleep(0.001)
    server.close()
    await server.wait_closed()


async def open_to(proxy):
    """A connection that has been answered once."""
    host, port = proxy.listen.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await ask(reader, writer)
    return reader, writer


async def ask(reader, writer):
    """Send a byte and receive it again."""
    writer.write(b"x")
    answer = await asyncio.wait_for(reader.read(1), 30)
    if answer != b"x":
        raise ConnectionResetError
    return answer


async def test_new_connections_are_refused_and_live_ones_stay(echoing):
    live = await open_to(echoing)
    listen = echoing.listen
    echoing.add_toxic({"type": "refuse", "name": "r"})
    with pytest.raises(ConnectionRefusedError):
        await open_to(echoing)
    assert await ask(*live) == b"x"
    echoing.remove_toxic("r")
    again = await open_to(echoing)
    assert echoing.listen == listen
    for _, writer in (live, again):
        writer.close()


async def test_two_refusals_end_with_the_last_one(echoing):
    for name in "ab":
        echoing.add_toxic({"type": "refuse", "name": name})
    echoing.remove_toxic("a")
    with pytest.raises(ConnectionRefusedError):
        await open_to(echoing)
    echoing.update_toxic("b", {"toxicity": 0.0})
    _, writer = await open_to(echoing)
    writer.close()


async def test_a_proxy_that_is_enabled_under_a_refusal_refuses(echoing):
    echoing.add_toxic({"type": "refuse", "name": "r"})
    echoing.stop()
    await echoing.start()
    with pytest.raises(ConnectionRefusedError):
        await open_to(echoing)


async def test_a_share_of_new_connections_is_reset(echoing):
    """Of 100, 30 on average; 10 to 55 in all but one of 10,000 seeds."""
    echoing.add_toxic({"type": "refuse", "toxicity": 0.3})
    refused = 0
    for _ in range(100):
        try:
            _, writer = await open_to(echoing)
            writer.close()
        except ConnectionResetError:
            refused += 1
    assert 10 <= refused <= 55


@pytest.mark.parametrize("streams", [("upstream", "downstream"), ("downstream",)])
async def test_old_connections_are_silent_and_new_ones_work_until_the_removal(echoing, streams):
    reader, writer = await open_to(echoing)
    for stream in streams:
        echoing.add_toxic({"type": "half_open", "name": stream, "stream": stream})
    writer.write(b"x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    new = await open_to(echoing)
    for stream in streams:
        echoing.remove_toxic(stream)
    assert await asyncio.wait_for(reader.read(1), 30) == b""
    assert await ask(*new) == b"x"
    for each in (writer, new[1]):
        each.close()


async def test_the_server_does_not_learn_that_a_half_open_client_has_gone(echoing):
    _, writer = await open_to(echoing)
    for stream in ("upstream", "downstream"):
        echoing.add_toxic({"type": "half_open", "name": stream, "stream": stream})
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert len(echoing.connections) == 1
    for stream in ("upstream", "downstream"):
        echoing.remove_toxic(stream)
    async with asyncio.timeout(30):
        while echoing.connections:
            await asyncio.sleep(0.001)
