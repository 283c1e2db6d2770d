"""The bytes at the proxies in front of what a fault acts on."""

import pytest

from gauntlet.chaos import proxied_bytes

ALL = {"client>gateway-1", "client>gateway-2", "client>edge-blue-1", "client>edge-blue-2"}


@pytest.mark.parametrize(
    ("kind", "target", "detail", "links"),
    [
        ("latency", "client>gateway", {}, {"client>gateway-1", "client>gateway-2"}),
        ("latency", "edge>broker", {}, {"edge>broker"}),
        ("kill", "gateway", {"components": ["gateway-1"]}, {"client>gateway-1"}),
        ("cutover", "edge", {}, {"client>edge-blue-1", "client>edge-blue-2"}),
        ("surge", "", {}, set()),
    ],
)
def test_only_links_to_the_target_count(stack, spec, kind, target, detail, links):
    for link in (*ALL, "edge>broker"):
        stack.proxy.counted = {link}
        found = proxied_bytes.count(stack.context, spec(kind, target), detail)
        assert (found is not None) == (link in links), link


def test_a_link_without_a_proxy_has_no_count(stack, spec):
    stack.proxy.counted = set(ALL)
    stack.context.proxies.clear()
    assert proxied_bytes.count(stack.context, spec("latency", "client>gateway"), {}) is None


def test_a_proxy_that_does_not_answer_is_no_failure_of_the_fault(stack, spec):
    stack.proxy.failing_call = "count"
    assert proxied_bytes.count(stack.context, spec("latency", "client>gateway"), {}) is None
