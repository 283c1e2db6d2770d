"""What the embedded proxy does on purpose where Toxiproxy crashes or misbehaves.

Each is declared in docs/reference/fault-proxy.md.
"""

import pytest

from gauntlet.chaos.proxy_process import ProxyServer

from .conftest import Wire, eventually, outcome, receive, sending

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
        ("slicer", {"average_size": 5, "size_variation": 5}),
    ],
)
def test_values_that_kill_toxiproxy_are_refused(call, wire, kind, attributes):
    """400, also in an update; the server lives on."""
    path = f"/proxies/{wire.name}/toxics"
    answer = call("POST", path, {"type": kind, "attributes": attributes})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad request body: ")
    good = {"rate": 1} if kind == "bandwidth" else {"average_size": 9}
    assert call("POST", path, {"type": kind, "attributes": good}).status_code == 200
    bad = {"rate": -1} if kind == "bandwidth" else {"average_size": 0}
    update = call("PATCH", f"{path}/{kind}_downstream", {"attributes": bad})
    assert update.status_code == 400
    wire.proxy.version()


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_resets_existing_connections(wire, stream):
    """RST, not FIN, although they were open before the toxic."""
    client, server = wire.pair()
    wire.add("reset_peer", stream=stream)
    (client if stream == "upstream" else server).sendall(b"x")
    for side in (client, server):
        with pytest.raises(ConnectionResetError):
            side.recv(1)


def test_a_spared_connection_closes_normally(wire):
    """reset_peer with toxicity 0 does not turn closes into resets."""
    wire.add("reset_peer", toxicity=0)
    client, server = wire.pair()
    server.close()
    assert outcome(client) == "eof"


def test_removing_reset_peer_does_not_wait(wire):
    """A pending reset is carried out at once."""
    client, server = wire.pair()
    toxic = wire.add("reset_peer", timeout=60_000)
    server.sendall(b"x")
    assert outcome(client) == "open"
    wire.remove(toxic)
    assert outcome(client) == "reset"


def test_changes_do_not_wait_for_bytes(wire):
    """Toxiproxy answers only when its chunk is written: never, while a later toxic stalls."""
    client, server = wire.pair()
    slow = wire.add("latency", latency=1)
    stall = wire.add("bandwidth", rate=0)
    data = b"x" * 20_000_000
    with sending(server, data):
        wire.update(slow, latency=2)
        wire.remove(slow)
        wire.remove(stall)
        assert receive(client, len(data)) == data


def test_live_connections_are_listed_and_counted(call, wire):
    """Counters move while a connection lives; a closed one leaves the list."""
    client, server = wire.pair()
    client.sendall(b"question")
    assert receive(server, 8) == b"question"

    def rows() -> list[dict[str, object]]:
        listed = call("GET", "/connections").json()["connections"]
        return [row for row in listed if row["proxy"] == wire.name]

    [row] = rows()
    host, port = client.getsockname()
    assert row["client"] == f"{host}:{port}"
    assert row["bytes"] == {
        "upstream": {"received": 9, "sent": 9},
        "downstream": {"received": 1, "sent": 1},
    }
    assert f'proxy="{wire.name}"' in call("GET", "/metrics").text
    client.close()
    assert eventually(lambda: not rows())


def test_the_same_seed_hits_the_same_connections(server, tmp_path):
    """Two servers with one seed roll alike; with another seed, otherwise."""

    def victims(seed: int) -> list[bool]:
        server = ProxyServer.start("embedded", log=tmp_path / "seed.log", seed=seed)
        wire = Wire(server, "seeded")
        try:
            pairs = [wire.pair() for _ in range(40)]
            wire.add("limit_data", toxicity=0.5, bytes=0)
            for _, upstream in pairs:
                upstream.sendall(b"x")
            return [client.recv(1) == b"" for client, _ in pairs]
        finally:
            wire.close()
            server.stop()

    first = victims(7)
    assert 5 < sum(first) < 35
    assert victims(7) == first
    assert victims(8) != first


def test_a_neighbour_does_not_roll_again(wire):
    """Adding and removing another toxic leaves victims victims and the spared spared."""
    pairs = [wire.pair() for _ in range(40)]
    wire.add("bandwidth", toxicity=0.5, rate=0)
    for _, server in pairs:
        server.sendall(b"x")
    for _ in range(5):
        wire.remove(wire.add("noop"))
    held = [outcome_soon(client) for client, _ in pairs]
    assert 5 < held.count("open") < 35


def outcome_soon(client) -> str:
    """Like `outcome`, for something that has happened already."""
    client.settimeout(0.02)
    try:
        client.recv(1)
    except TimeoutError:
        return "open"
    return "data"
