"""A fake stack without processes: recording doubles of proxy, control API and journal."""

from types import SimpleNamespace
from typing import Any

import pytest

from gauntlet.chaos.clients import link_exchange, link_probe
from gauntlet.chaos.clients.cluster_control import Component, CutoverStatus, RollingStatus
from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.clients.toxiproxy import ProxyError, Toxic
from gauntlet.chaos.faults import _processes
from gauntlet.chaos.faults.context import Context, ProxiedLink
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime, Moment

ROLES = {
    "gateway-1": "gateway",
    "gateway-2": "gateway",
    "message-1": "message",
    "edge-blue-1": "edge",
    "edge-blue-2": "edge",
    "edge-green-1": "edge",
    "registry": "registry",
    "broker": "broker",
}
LINKS = (
    ("client", "gateway-1", "http"),
    ("client", "gateway-2", "http"),
    ("client", "edge-blue-1", "ws"),
    ("client", "edge-blue-2", "ws"),
    ("client", "edge-green-1", "ws"),
    ("edge", "registry", "redis"),
    ("edge", "broker", "redis"),
    ("gateway", "message-1", "http"),
)


class FakeProxy:
    """Stores toxics as a proxy server does, and records every call in order."""

    def __init__(self) -> None:
        self.toxics_by_proxy: dict[str, dict[str, Toxic]] = {}
        self.calls: list[tuple[str, ...]] = []
        self.failing_call: str | None = None
        self.received = 0
        self.counted: set[str] = set()

    def add_toxic(self, proxy, type, stream, toxicity, attributes, name):  # noqa: A002  # the name in the replaced class
        self._call("add", proxy, name)
        self.toxics_by_proxy.setdefault(proxy, {})[name] = Toxic(
            name, type, stream, toxicity, attributes
        )

    def remove_toxic(self, proxy, name):
        self._call("remove", proxy, name)
        if self.toxics_by_proxy.get(proxy, {}).pop(name, None) is None:
            raise ProxyError("toxic not found", 404)

    def received_bytes(self):
        self._call("count")
        self.received += 1_000
        return dict.fromkeys(self.counted, self.received)

    def toxics(self, proxy):
        return list(self.toxics_by_proxy.get(proxy, {}).values())

    def active(self):
        return {(proxy, name) for proxy, toxics in self.toxics_by_proxy.items() for name in toxics}

    def _call(self, *call):
        self.calls.append(call)
        if self.failing_call == call[0]:
            raise ProxyError("no answer")


class FakeControl:
    """Components with one state each; tests script the statuses of cutovers and updates."""

    def __init__(self) -> None:
        self.states = {name: "planned" if "green" in name else "up" for name in ROLES}
        self.calls: list[tuple[Any, ...]] = []
        self.statuses: list[CutoverStatus] = [CutoverStatus("idle", "blue")]
        self.rolling: list[RollingStatus] = [RollingStatus("idle")]

    def components(self):
        return {
            name: Component(
                name,
                ROLES[name],
                state,
                environment=name.split("-")[1] if name.startswith("edge") else None,
                pid=100 + index,
                address="127.0.0.1:1",
            )
            for index, (name, state) in enumerate(self.states.items())
        }

    def password(self, name):
        """Return the password of each store."""
        return f"password of {name}"

    def kill(self, name, signal="KILL"):
        self._act("kill" if signal == "KILL" else signal, name, "held")

    def drain(self, name, *, drain_ms):
        self._act(f"drain {drain_ms}", name, "draining")

    def begin_rolling_update(self):
        self.calls.append(("rolling",))

    def rolling_update(self):
        return self.rolling.pop(0) if len(self.rolling) > 1 else self.rolling[0]

    def start(self, name):
        self._act("start", name, "up")

    def pause(self, name):
        self._act("pause", name, "paused")

    def resume(self, name):
        self._act("resume", name, "up")

    def promote(self, name):
        self.calls.append(("promote", name))

    def begin_cutover(self, to, *, drain_ms, canaries):
        self.calls.append(("cutover", to, drain_ms, canaries))

    def roll_back_cutover(self):
        self.calls.append(("rollback",))

    def cutover(self):
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def _act(self, verb, name, state):
        self.calls.append((verb, name))
        if name not in self.states:
            raise StackError(f"no component is named {name}")
        self.states[name] = state


class Rows(list):
    """A journal in memory."""

    def write(self, kind, *, t_ns=None, **fields):
        self.append({"t_ns": t_ns, "kind": kind, **fields})

    def steps(self):
        return [(row["id"], row["step"]) for row in self if row["kind"] == "fault"]


@pytest.fixture
def stack(monkeypatch):
    """A fake stack whose links answer in 1 ms, later or never, depending on their toxics."""
    proxy, control, rows = FakeProxy(), FakeControl(), Rows()
    links = [
        SimpleNamespace(name=f"{source}>{name}", source=source, component=name, kind=kind)
        for source, name, kind in LINKS
    ]
    proxied = {link.name: ProxiedLink(proxy, link.name, link.kind, link.name) for link in links}
    context = Context(StackPlan(ROLES, links), proxied, control, rows)

    def probe(_kind, address, _timeout_s):
        if control.states[address.partition(">")[2]] != "up":
            return ProbeResult(None, "closed without an answer")
        toxics = proxy.toxics(address)
        if any(toxic.type == "timeout" for toxic in toxics):
            return ProbeResult(None, "no answer within 1000 ms", silent=True)
        return ProbeResult(1.0 + sum(toxic.attributes.get("latency", 0) for toxic in toxics))

    def exchange(wanted, _timeout_s, _stop=None):
        found = probe(wanted.kind, wanted.address, 0.0)
        if found.silent:
            return Exchange(60)
        if found.rtt_ms is None:
            return Exchange(0 if wanted.idle_ms else 60, ended="closed", ended_ms=1.0)
        many, rtt_ms = 100 * wanted.repeat, found.rtt_ms
        return Exchange(60 * wanted.repeat, many, rtt_ms, rtt_ms, "closed", rtt_ms)

    monkeypatch.setattr(_processes, "_BACK_S", 0.0)
    monkeypatch.setattr(link_exchange, "exchange", exchange)
    monkeypatch.setattr(link_probe, "probe", probe)
    monkeypatch.setattr(
        link_probe,
        "probe_all",
        lambda links, *_: {name: probe(*link, 0.0) for name, link in links.items()},
    )
    return SimpleNamespace(context=context, proxy=proxy, control=control, rows=rows, probe=probe)


@pytest.fixture
def spec():
    """Create a fault as a scenario defines it."""

    def make(kind, target, *, id="f", at=0.0, for_=0.0, **params):  # noqa: A002  # the name in the replaced class
        moment = at if isinstance(at, Moment) else FixedTime(at)
        return Fault(id=id, kind=kind, target=target, at=moment, for_=Duration(for_), params=params)

    return make
