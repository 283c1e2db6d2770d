"""Intentional differences of the embedded proxy, where Toxiproxy crashes or misbehaves.

Each one is declared in docs/reference/fault-proxy.md.
"""

import pytest

from gauntlet.chaos.proxy_process import ProxyServer

from .conftest import ProxiedLink, end_of, eventually, read_outcome, receive, sending

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.parametrize("server", ["embedded"], indirect=True, scope="package"),
]


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("bandwidth", {"rate": -1}),
        ("slicer", {}),
        ("slicer", {"average_size": 0}),
        ("slicer", {"average_size": 5, "size_variation": 6}),
    ],
)
def test_values_that_crash_toxiproxy_are_refused(call, link, kind, attributes):
    """Status 400, also for an update; the server keeps running."""
    path = f"/proxies/{link.name}/toxics"
    answer = call("POST", path, {"type": kind, "attributes": attributes})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad request body: ")
    good = {"rate": 1} if kind == "bandwidth" else {"average_size": 9}
    assert call("POST", path, {"type": kind, "attributes": good}).status_code == 200
    bad = {"rate": -1} if kind == "bandwidth" else {"average_size": 0}
    update = call("PATCH", f"{path}/{kind}_downstream", {"attributes": bad})
    assert update.status_code == 400
    link.proxy.version()


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_also_resets_connections_opened_before_it(link, stream):
    """Toxiproxy closes these by FIN."""
    client, server = link.pair()
    link.add("reset_peer", stream=stream)
    (client if stream == "upstream" else server).sendall(b"x")
    for side in (client, server):
        with pytest.raises(ConnectionResetError):
            side.recv(1)


def test_a_connection_that_reset_peer_spares_closes_normally(link):
    """A toxicity of 0 does not turn closes into resets."""
    link.add("reset_peer", toxicity=0)
    client, server = link.pair()
    server.close()
    assert end_of(client) == "eof"


def test_removing_reset_peer_carries_out_a_pending_reset(link):
    """The removal does not wait for the timer."""
    client, server = link.pair()
    toxic = link.add("reset_peer", timeout=60_000)
    server.sendall(b"x")
    assert read_outcome(client) == "open"
    link.remove(toxic)
    assert end_of(client) == "reset"


def test_changing_toxics_does_not_wait_for_bytes(link):
    """Toxiproxy does not answer until its chunk is written: never, while a later toxic stalls."""
    client, server = link.pair()
    slow = link.add("latency", latency=1)
    stall = link.add("bandwidth", rate=0)
    data = b"x" * 20_000_000
    with sending(server, data):
        link.update(slow, latency=2)
        link.remove(slow)
        link.remove(stall)
        assert receive(client, len(data)) == data


def test_live_connections_are_listed_and_counted(call, link):
    """Counters change while a connection is open; a closed one is not listed."""
    client, server = link.pair()
    client.sendall(b"question")
    assert receive(server, 8) == b"question"

    def rows() -> list[dict[str, object]]:
        listed = call("GET", "/connections").json()["connections"]
        return [row for row in listed if row["proxy"] == link.name]

    [row] = rows()
    host, port = client.getsockname()
    assert row["client"] == f"{host}:{port}"
    assert row["bytes"] == {
        "upstream": {"received": 9, "sent": 9},
        "downstream": {"received": 1, "sent": 1},
    }
    assert f'proxy="{link.name}"' in call("GET", "/metrics").text
    assert link.proxy.received_bytes()[link.name] == 10
    client.close()
    assert eventually(lambda: not rows())


def test_the_same_seed_affects_the_same_connections(server, tmp_path):
    """Another seed affects others."""

    def affected(seed: int) -> list[bool]:
        server = ProxyServer.start("embedded", log=tmp_path / "seed.log", seed=seed)
        link = ProxiedLink(server, "seeded")
        try:
            pairs = [link.pair() for _ in range(40)]
            link.add("limit_data", toxicity=0.5, bytes=0)
            for _, upstream in pairs:
                upstream.sendall(b"x")
            return [client.recv(1) == b"" for client, _ in pairs]
        finally:
            link.close()
            server.stop()

    first = affected(7)
    assert 5 < sum(first) < 35
    assert affected(7) == first
    assert affected(8) != first


def test_adding_and_removing_a_toxic_does_not_repeat_the_draws_of_another(link):
    """Affected connections stay affected, the others stay unaffected."""
    pairs = [link.pair() for _ in range(40)]
    link.add("bandwidth", toxicity=0.5, rate=0)
    for _, server in pairs:
        server.sendall(b"x")
    for _ in range(5):
        link.remove(link.add("noop"))
    held = [immediate_read_outcome(client) for client, _ in pairs]
    assert 5 < held.count("open") < 35


def immediate_read_outcome(client) -> str:
    """Like `read_outcome`, for something that has happened already."""
    client.settimeout(0.02)
    try:
        client.recv(1)
    except TimeoutError:
        return "open"
    return "data"
