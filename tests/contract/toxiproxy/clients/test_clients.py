"""The published clients of Python, Node.js, Go and Java control both backends.

What a client did is read from the API and seen on a connection, not only from its answer.
"""

import contextlib
import time
from itertools import count

import pytest

from ..conftest import end_of, read_outcome, receive
from .conftest import ClientError, able_to

pytestmark = [pytest.mark.contract, pytest.mark.integration]

_number = count(1)
STREAMS = ("upstream", "downstream")
TOXICS = {
    "bandwidth": {"rate": 700},
    "latency": {"latency": 70, "jitter": 20},
    "limit_data": {"bytes": 7000},
    "reset_peer": {"timeout": 700},
    "slicer": {"average_size": 70, "size_variation": 20, "delay": 10},
    "slow_close": {"delay": 700},
    "timeout": {"timeout": 700},
}


def address(link) -> dict[str, str]:
    return {"listen": "127.0.0.1:0", "upstream": link.upstream}


def toxic(kind, stream="downstream", toxicity=1.0, **attributes):
    """What clients send to add a toxic."""
    fields = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
    return {"name": f"{kind}_{stream}", **fields}


@pytest.fixture
def names(call):
    """Make names of proxies, which are deleted after the test."""
    made = []

    def make() -> str:
        made.append(f"client-{next(_number)}")
        return made[-1]

    yield make
    for name in made:
        call("DELETE", f"/proxies/{name}")


def test_a_client_reads_the_version(driver):
    assert "2.12.0" in driver("version")


def test_a_client_creates_shows_lists_and_deletes_a_proxy(driver, call, link, names):
    name = names()
    created = driver("create", name=name, **address(link))
    expected = {"name": name, "upstream": link.upstream, "enabled": True}
    assert expected.items() <= created.items()
    assert not created["listen"].endswith(":0")
    assert created.items() <= call("GET", f"/proxies/{name}").json().items()
    shown = driver("proxy", name=name)
    assert (expected | {"listen": created["listen"]}).items() <= shown.items()
    assert {name, link.name} <= set(driver("proxies"))
    link.address = created["listen"]
    link.pair()
    driver("delete", name=name)
    assert call("GET", f"/proxies/{name}").status_code == 404
    assert name not in driver("proxies")
    with pytest.raises(ConnectionRefusedError):
        link.dial()


def test_a_client_disables_and_enables_a_proxy(driver, link):
    client, server = link.pair()
    driver("disable", name=link.name)
    assert (end_of(client), end_of(server)) == ("eof", "eof")
    with pytest.raises(ConnectionRefusedError):
        link.dial()
    assert not driver("proxy", name=link.name)["enabled"]
    driver("enable", name=link.name)
    link.pair()


@able_to("change")
@pytest.mark.parametrize("field", ["listen", "upstream"])
def test_a_client_changes_an_address_of_a_proxy(driver, call, new_link, field):
    link, other = new_link(), new_link()
    change = {"listen": "127.0.0.1:0"} if field == "listen" else {"upstream": other.upstream}
    changed = driver("change", name=link.name, **change)
    assert changed.items() <= call("GET", f"/proxies/{link.name}").json().items()
    assert (changed["listen"] != link.address) == (field == "listen")
    assert changed["upstream"] == (other if field == "upstream" else link).upstream
    link.address = changed["listen"]
    if field == "upstream":
        link.listener = other.listener
    link.pair()


@able_to("populate")
def test_a_client_populates_and_replaces_proxies(driver, call, new_link, names):
    first, second, new = new_link(), new_link(), names()
    rows = [
        {"name": first.name, "listen": first.address, "upstream": second.upstream},
        {"name": new, **address(second)},
    ]
    rows = [row | {"enabled": True} for row in rows]
    assert set(driver("populate", proxies=rows)) == {first.name, new}
    proxies = call("GET", "/proxies").json()
    for row in rows:
        assert proxies[row["name"]]["upstream"] == second.upstream
        assert proxies[row["name"]]["enabled"]
    first.listener = second.listener
    first.pair()


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind", TOXICS)
def test_a_client_adds_shows_and_removes_a_toxic_of_each_type(driver, call, link, kind, stream):
    sent = toxic(kind, stream, 0.5, **TOXICS[kind])
    driver("add_toxic", proxy=link.name, toxic=sent)
    assert call("GET", f"/proxies/{link.name}/toxics").json() == [sent]
    shown = driver("toxic", proxy=link.name, name=sent["name"])
    assert {key: sent[key] for key in ("name", "stream", "toxicity", "attributes")}.items() <= (
        shown.items()
    )
    driver("remove_toxic", proxy=link.name, name=sent["name"])
    assert call("GET", f"/proxies/{link.name}/toxics").json() == []


def test_a_toxic_of_a_client_acts_until_it_is_removed(driver, link):
    client, server = link.pair()
    driver("add_toxic", proxy=link.name, toxic=toxic("latency", latency=120, jitter=0))
    began = time.monotonic()
    server.sendall(b"slow")
    assert receive(client, 4) == b"slow"
    assert time.monotonic() - began >= 0.117  # timers have a resolution of a millisecond
    driver("remove_toxic", proxy=link.name, name="latency_downstream")
    driver("add_toxic", proxy=link.name, toxic=toxic("limit_data", bytes=4))
    server.sendall(b"abcdef")
    assert receive(client, 100) == b"abcd"


@able_to("update_toxic")
def test_a_client_updates_a_toxic(driver, call, link):
    """Its attributes and its toxicity, and at once for bytes on the way."""
    client, server = link.pair()
    driver("add_toxic", proxy=link.name, toxic=toxic("bandwidth", rate=0))
    server.sendall(b"held")
    assert read_outcome(client) == "open"
    changes = {"toxicity": 0.25, "attributes": {"rate": 5000}}
    driver("update_toxic", proxy=link.name, name="bandwidth_downstream", **changes)
    shown = call("GET", f"/proxies/{link.name}/toxics/bandwidth_downstream").json()
    assert changes.items() <= shown.items()
    driver("remove_toxic", proxy=link.name, name="bandwidth_downstream")
    assert receive(client, 4) == b"held"


def test_a_client_resets_every_proxy(driver, new_link):
    first, second = new_link(), new_link()
    driver("add_toxic", proxy=first.name, toxic=toxic("latency", latency=1, jitter=0))
    driver("disable", name=second.name)
    driver("reset")
    proxies = first.proxy.proxies()
    for link in (first, second):
        assert (proxies[link.name].enabled, proxies[link.name].toxics) == (True, [])
        link.pair()


@contextlib.contextmanager
def reported(status: int, message: str):
    """A client reports the status or the message of the API, or both."""
    with pytest.raises(ClientError) as caught:
        yield
    text = str(caught.value)
    assert str(status) in text or message in text, text


def test_a_client_reports_a_name_that_exists(driver, link):
    with reported(409, "already exists"):
        driver("create", name=link.name, **address(link))


def test_a_client_reports_a_toxic_that_exists(driver, link):
    sent = toxic("latency", latency=1, jitter=0)
    driver("add_toxic", proxy=link.name, toxic=sent)
    with reported(409, "toxic already exists"):
        driver("add_toxic", proxy=link.name, toxic=sent)


def test_a_client_reports_a_toxic_that_does_not_exist(driver, link):
    with reported(404, "toxic not found"):
        driver("remove_toxic", proxy=link.name, name="none")


@able_to("add_unknown_toxic")  # toxiproxy-java has a method for each type
def test_a_client_reports_a_toxic_that_is_refused(driver, link):
    with reported(400, "invalid toxic type"):
        driver("add_toxic", proxy=link.name, toxic=toxic("earthquake"))


def test_a_client_works_after_an_error(driver, link):
    with pytest.raises(ClientError):
        driver("remove_toxic", proxy=link.name, name="none")
    assert driver("proxy", name=link.name)["enabled"]
