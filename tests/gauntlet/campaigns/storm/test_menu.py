"""Which faults a machine can run."""

import pytest

from gauntlet.campaigns.storm import menu
from gauntlet.chaos.clients import packet_filter
from gauntlet.chaos.clocks import library
from gauntlet.chaos.disks import mounting
from gauntlet.scenarios import library as scenarios


@pytest.fixture
def bare_machine(monkeypatch):
    """A machine without FUSE and without a compiler."""
    monkeypatch.setattr(mounting, "unavailable", lambda: "no FUSE")
    monkeypatch.setattr(library, "unavailable", lambda: "no compiler")
    monkeypatch.setattr(packet_filter, "unavailable", lambda: "no nft")
    for cached in (menu._clocks_unavailable, menu._packets_unavailable):
        cached.cache_clear()
    yield
    for cached in (menu._clocks_unavailable, menu._packets_unavailable):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("power-loss", "no FUSE"),
        ("disk-full", "no FUSE"),
        ("clock-step", "no compiler"),
        ("clock-skew", "no compiler"),
        ("packet-loss", "no nft"),
        ("kill", ""),
        ("latency", ""),
    ],
)
@pytest.mark.usefixtures("bare_machine")
def test_faults_on_disks_and_clocks_need_what_the_machine_may_not_have(kind, reason):
    assert menu.unavailable(kind) == reason


@pytest.mark.parametrize(("stack", "database"), [("embedded", "message"), ("full", "messages-db")])
def test_the_menu_has_faults_on_the_disk_of_the_messages_and_on_clocks(stack, database):
    plain = scenarios.find("storm")
    target = type(plain.target)(stack=stack)
    entries = menu.menu_of(type(plain)(version=1, name="x", about="x", target=target))
    found = {(entry.kind, entry.target) for entry in entries}
    disks = {"power-loss", "disk-full", "disk-read-only", "disk-error", "disk-slow-fsync"}
    assert {target for kind, target in found if kind in disks} == {database}
    assert {kind for kind, target in found if target == database} >= disks
    assert {
        ("clock-step", "registry"),
        ("clock-step", "gateway"),
        ("clock-skew", "message"),
    } <= found
