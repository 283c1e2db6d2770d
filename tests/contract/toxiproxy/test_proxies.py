"""Addresses, enabling and disabling, populate, reset."""

import pytest

from .conftest import end_of, receive

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_the_chosen_port_is_kept_while_a_proxy_is_disabled(link):
    """Port 0 becomes a real port, the same one after disable and enable."""
    link.proxy.disable(link.name)
    assert link.proxy.proxies()[link.name].listen == link.address
    link.proxy.enable(link.name)
    client, server = link.pair()
    client.sendall(b"hello")
    assert receive(server, 5) == b"hello"


def test_disabling_closes_connections_and_refuses_new_ones(link):
    """Both sides of a live connection read the end."""
    client, server = link.pair()
    link.proxy.disable(link.name)
    assert (end_of(client), end_of(server)) == ("eof", "eof")
    with pytest.raises(ConnectionRefusedError):
        link.dial()


@pytest.mark.parametrize("field", ["listen", "upstream"])
def test_a_changed_address_closes_connections(call, new_link, field):
    """Either the port to listen on, or the upstream."""
    link, other = new_link(), new_link()
    client, server = link.pair()
    change = {"listen": "127.0.0.1:0"} if field == "listen" else {"upstream": other.upstream}
    changed = call("PATCH", f"/proxies/{link.name}", change).json()
    assert (end_of(client), end_of(server)) == ("eof", "eof")
    assert (changed["listen"] != link.address) == (field == "listen")
    link.address = changed["listen"]
    if field == "upstream":
        link.listener = other.listener
    link.pair()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_update_with_the_same_address_keeps_connections(call, link, host):
    """Also if it names the host differently."""
    client, server = link.pair()
    listen = f"{host}:{link.address.split(':')[1]}"
    call("PATCH", f"/proxies/{link.name}", {"listen": listen, "upstream": link.upstream})
    client.sendall(b"still here")
    assert receive(server, 10) == b"still here"


def row(link, **change):
    """The row of a link for `populate`."""
    return {"name": link.name, "listen": link.address, "upstream": link.upstream} | change


def test_populate_does_not_change_a_proxy_with_the_same_addresses(call, link):
    """It keeps its connections, its toxics and its state."""
    client, server = link.pair()
    link.add("latency", latency=1)
    answer = call("POST", "/populate", [row(link, enabled=False)])
    assert answer.status_code == 201
    [proxy] = answer.json()["proxies"]
    assert proxy["enabled"]
    assert [toxic["name"] for toxic in proxy["toxics"]] == ["latency_downstream"]
    server.sendall(b"kept")
    assert receive(client, 4) == b"kept"


def test_populate_replaces_a_proxy_with_another_address(call, link):
    """Its connections and toxics are removed."""
    client, _ = link.pair()
    link.add("latency", latency=1)
    [proxy] = call("POST", "/populate", [row(link, listen="127.0.0.1:0")]).json()["proxies"]
    assert proxy["toxics"] == []
    assert end_of(client) == "eof"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"upstream": "127.0.0.1:1"}, "missing required field: name at proxy 2"),
        ({"name": "x"}, "missing required field: upstream at proxy 2"),
    ],
)
def test_populate_changes_nothing_if_a_row_is_invalid(call, second, message):
    """The answer is JSON."""
    good = {"name": "early", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    answer = call("POST", "/populate", [good, second])
    assert (answer.status_code, answer.json()["error"]) == (400, message)
    assert answer.headers["Content-Type"] == "application/json"
    assert "early" not in call("GET", "/proxies").json()


@pytest.mark.parametrize("body", ["{", "{}", "[1]"])
def test_populate_refuses_a_body_that_is_not_a_list_of_proxies(call, body):
    answer = call("POST", "/populate", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("bad request body: ")


def test_a_failed_populate_lists_the_proxies_that_succeeded(call, link):
    """They were created before a port turned out to be in use, and are kept."""
    good = {"name": "created", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
    bad = {"name": "failed", "upstream": "127.0.0.1:1", "listen": link.address}
    answer = call("POST", "/populate", [good, bad])
    assert answer.status_code == answer.json()["status"] == 500
    assert [proxy["name"] for proxy in answer.json()["proxies"]] == ["created"]
    assert call("DELETE", "/proxies/created").status_code == 204


def test_reset_enables_every_proxy_and_removes_every_toxic(call, new_link):
    """Toxics of both streams, on proxies that are enabled or disabled."""
    first, second = new_link(), new_link()
    first.add("bandwidth", rate=0)
    first.add("latency", stream="upstream", latency=1)
    second.proxy.disable(second.name)
    assert call("POST", "/reset").status_code == 204
    for link in (first, second):
        proxy = link.proxy.proxies()[link.name]
        assert (proxy.enabled, proxy.toxics, proxy.listen) == (True, [], link.address)
        link.pair()
