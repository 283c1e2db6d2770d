"""Addresses, enabling, populate, reset."""

import pytest

from .conftest import outcome, receive

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_the_port_is_real_and_kept_while_disabled(wire):
    """Port 0 becomes a port, the same after disable and enable."""
    wire.proxy.disable(wire.name)
    assert wire.proxy.proxies()[wire.name].listen == wire.address
    wire.proxy.enable(wire.name)
    client, server = wire.pair()
    client.sendall(b"hello")
    assert receive(server, 5) == b"hello"


def test_disabling_ends_connections_and_refuses_new_ones(wire):
    """Live ones see the end on both sides, new ones are refused."""
    client, server = wire.pair()
    wire.proxy.disable(wire.name)
    assert (outcome(client), outcome(server)) == ("eof", "eof")
    with pytest.raises(ConnectionRefusedError):
        wire.dial()


@pytest.mark.parametrize("field", ["listen", "upstream"])
def test_a_new_address_drops_connections(call, new_wire, field):
    """Another port to listen on, or another upstream."""
    wire, other = new_wire(), new_wire()
    client, server = wire.pair()
    change = {"listen": "127.0.0.1:0"} if field == "listen" else {"upstream": other.upstream}
    changed = call("PATCH", f"/proxies/{wire.name}", change).json()
    assert (outcome(client), outcome(server)) == ("eof", "eof")
    assert (changed["listen"] != wire.address) == (field == "listen")
    wire.address = changed["listen"]
    if field == "upstream":
        wire.listener = other.listener
    wire.pair()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_same_address_keeps_connections(call, wire, host):
    """An identical update changes nothing, also when it names the host."""
    client, server = wire.pair()
    listen = f"{host}:{wire.address.split(':')[1]}"
    call("PATCH", f"/proxies/{wire.name}", {"listen": listen, "upstream": wire.upstream})
    client.sendall(b"still here")
    assert receive(server, 10) == b"still here"


def row(wire, **change):
    """A link as a row of populate."""
    return {"name": wire.name, "listen": wire.address, "upstream": wire.upstream} | change


def test_populate_is_idempotent(call, wire):
    """A proxy with the same addresses keeps its connections and toxics, and its state."""
    client, server = wire.pair()
    wire.add("latency", latency=1)
    answer = call("POST", "/populate", [row(wire, enabled=False)])
    assert answer.status_code == 201
    [proxy] = answer.json()["proxies"]
    assert proxy["enabled"]
    assert [toxic["name"] for toxic in proxy["toxics"]] == ["latency_downstream"]
    server.sendall(b"kept")
    assert receive(client, 4) == b"kept"


def test_populate_replaces_what_differs(call, wire):
    """Another address is another proxy: connections and toxics go."""
    client, _ = wire.pair()
    wire.add("latency", latency=1)
    [proxy] = call("POST", "/populate", [row(wire, listen="127.0.0.1:0")]).json()["proxies"]
    assert proxy["toxics"] == []
    assert outcome(client) == "eof"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"upstream": "127.0.0.1:1"}, "missing required field: name at proxy 2"),
        ({"name": "x"}, "missing required field: upstream at proxy 2"),
    ],
)
def test_populate_checks_all_before_it_creates_any(call, second, message):
    """One bad row, and nothing is touched; the answer is JSON."""
    good = {"name": "early", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    answer = call("POST", "/populate", [good, second])
    assert (answer.status_code, answer.json()["error"]) == (400, message)
    assert answer.headers["Content-Type"] == "application/json"
    assert "early" not in call("GET", "/proxies").json()


@pytest.mark.parametrize("body", ["{", "{}", "[1]"])
def test_populate_wants_a_list(call, body):
    """Anything else is a bad request."""
    answer = call("POST", "/populate", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad request body: ")


def test_populate_names_the_survivors_of_a_failure(call, wire):
    """What was created before a port was found taken stays, and is told."""
    good = {"name": "survivor", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    bad = {"name": "victim", "upstream": "127.0.0.1:1", "listen": wire.address}
    answer = call("POST", "/populate", [good, bad])
    assert answer.status_code == answer.json()["status"] == 500
    assert [proxy["name"] for proxy in answer.json()["proxies"]] == ["survivor"]
    assert call("DELETE", "/proxies/survivor").status_code == 204


def test_reset_enables_and_clears(call, new_wire):
    """Every proxy, every toxic, at once."""
    first, second = new_wire(), new_wire()
    first.add("bandwidth", rate=0)
    first.add("latency", stream="upstream", latency=1)
    second.proxy.disable(second.name)
    assert call("POST", "/reset").status_code == 204
    for wire in (first, second):
        proxy = wire.proxy.proxies()[wire.name]
        assert (proxy.enabled, proxy.toxics, proxy.listen) == (True, [], wire.address)
        wire.pair()
