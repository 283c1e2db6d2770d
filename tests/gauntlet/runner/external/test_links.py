"""The links of an external system, as faults name them."""

import pytest

from gauntlet.chaos.faults.targets import links_to_proxy, resolve_links
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Fault, Target
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner.external import links


def plan(url=("http://127.0.0.1:1", "http://127.0.0.1:2"), edges=()):
    """The plan of a target with these addresses."""
    target = Target(stack="external", url=list(url), edges=list(edges))
    return links.plan_of(list(links.client_links(target)), {})


def names(target, **addresses):
    """The links of a target without their common beginning."""
    found = resolve_links(target, plan(**addresses))
    return [link.name.removeprefix("client>127.0.0.1:") for link in found]


@pytest.mark.parametrize("target", ["client>target", "client>edge", "client>gateway"])
def test_all_names_mean_the_urls_if_there_are_no_edges(target):
    assert names(target) == ["1", "2"]


def test_edges_are_links_of_their_own():
    addresses = {"url": ["http://127.0.0.1:1"], "edges": ["ws://127.0.0.1:3"]}
    assert names("client>edge", **addresses) == ["3"]
    assert names("client>gateway", **addresses) == ["1"]
    assert names("client>target", **addresses) == ["1", "3"]


def test_an_address_that_is_named_twice_is_one_link():
    assert names("client>target", edges=["ws://127.0.0.1:1/ws"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("url", "kind", "upstream"),
    [
        ("wss://chat.example/ws", "https chat.example", "chat.example:443"),
        ("https://127.0.0.1:8443", "https 127.0.0.1", "127.0.0.1:8443"),
        ("ws://chat.example/ws", "http chat.example:80", "chat.example:80"),
        ("tcp://127.0.0.1:1883", "", "127.0.0.1:1883"),
    ],
)
def test_the_probe_of_a_link_speaks_its_protocol(url, kind, upstream):
    (link,) = links.client_links(Target(stack="external", url=[url]))
    assert (link.kind, link.upstream) == (kind, upstream)


def test_only_links_of_faults_are_proxied_and_a_surge_needs_none():
    surge = Fault(id="s", kind="surge", target="client>edge", at=FixedTime(1))
    cut = Fault(id="c", kind="disconnect", target="client>target", at=FixedTime(1))
    marked = Fault(id="o", kind="observed", at=FixedTime(1))
    assert links_to_proxy([surge, marked], plan(), "needed") == set()
    assert len(links_to_proxy([surge, cut], plan(), "needed")) == 2


def test_a_proxy_that_the_toxiproxy_does_not_have_is_an_error():
    fault = Fault(id="f", kind="latency", target="toxiproxy>nowhere", at=FixedTime(1))
    with pytest.raises(ConfigError, match="nowhere"):
        links_to_proxy([fault], plan(), "needed")
