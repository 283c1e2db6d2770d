"""descriptor-limit, on a real process that accepts connections."""

import resource
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults import FAULTS, _toxics, descriptor_limit
from gauntlet.chaos.faults.descriptor_limit import DescriptorLimit
from gauntlet.core.errors import RollbackError, StackError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit(2)"),
]

PROBE = link_probe.probe  # the fake stack replaces it
SERVER = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            time.sleep(0.05)
            continue
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
"""


@pytest.fixture
def server(stack, monkeypatch):
    """A process as `gateway-1` of the fake stack."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    address = f"127.0.0.1:{int(process.stdout.readline())}"
    components = stack.control.components

    def with_server():
        known = components()
        real = {"pid": process.pid, "address": address}
        return {**known, "gateway-1": msgspec.structs.replace(known["gateway-1"], **real)}

    monkeypatch.setattr(stack.control, "components", with_server)
    monkeypatch.setattr(descriptor_limit, "link_probe", SimpleNamespace(probe=PROBE))
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def fault(spec, monkeypatch):
    for name in ("PROVE_S", "VERIFY_S"):
        monkeypatch.setattr(descriptor_limit, name, 3.0)
    return DescriptorLimit(spec("descriptor-limit", "gateway", for_=1.0))


def limits(process):
    return resource.prlimit(process.pid, resource.RLIMIT_NOFILE)


def test_no_connection_is_accepted_until_the_heal(stack, fault, server):
    before = limits(server)
    assert fault.inject(stack.context) == {"components": ["gateway-1"]}
    proof = fault.prove(stack.context)["gateway-1"]
    assert limits(server) == (proof["limit"], before[1])
    assert not proof["answered"]
    assert proof["open"] >= proof["limit"] < before[0]
    for _ in range(2):
        assert fault.heal(stack.context) == {}
        assert fault.verify(stack.context)["gateway-1"]["answered"]
    assert limits(server) == before


def test_a_process_that_still_accepts_connections_is_no_proof(stack, fault, server, monkeypatch):
    """Another one has restored the limit, again and again."""
    monkeypatch.setattr(descriptor_limit, "PROVE_S", 0.0)
    before = limits(server)
    fault.inject(stack.context)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["gateway-1"]["answered"]
    assert limits(server) == before


def test_a_proof_that_goes_on_lowers_no_limit_after_the_heal(stack, fault, server, monkeypatch):
    monkeypatch.setattr(descriptor_limit, "PROVE_S", 0.0)
    before = limits(server)
    fault.inject(stack.context)
    fault.heal(stack.context)
    assert fault.prove(stack.context) == {}
    assert limits(server) == before


def test_a_probe_that_the_end_of_the_fault_cuts_short_is_no_proof(stack, fault, server):
    fault.inject(stack.context)
    stack.context.stop.set()
    assert fault.prove(stack.context) == {}
    fault.heal(stack.context)


def test_a_process_that_was_silent_before_is_refused(stack, fault, server):
    server.kill()
    server.wait()
    with pytest.raises(StackError, match="even before the fault"):
        fault.inject(stack.context)
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def test_a_limit_that_stays_is_not_healed(stack, fault, server, monkeypatch):
    monkeypatch.setattr(descriptor_limit, "VERIFY_S", 0.0)
    fault.inject(stack.context)
    with pytest.raises(RollbackError, match="still lack"):
        fault.verify(stack.context)


def test_a_process_that_has_ended_meanwhile_needs_no_heal(stack, fault, server):
    fault.inject(stack.context)
    server.kill()
    server.wait()
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


@pytest.mark.parametrize("kind", ["bandwidth", "latency"])
def test_a_fault_on_a_link_may_end_while_no_connection_is_accepted(
    stack, spec, fault, server, monkeypatch, kind
):
    """Its heal was not verified, because the component is up and does not answer."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    other = FAULTS[kind](spec(kind, "client>gateway", id="other"))
    other.inject(stack.context)
    fault.inject(stack.context)
    other.heal(stack.context)

    def probe(kind, address, *_):
        if limits(server)[0] < 100 and address.endswith("gateway-1"):
            return ProbeResult(None, "no answer within 1000 ms", silent=True)
        return stack.probe(kind, address, 0.0)

    monkeypatch.setattr(_toxics.link_probe, "probe", probe)
    assert other.verify(stack.context)["probe"]["client>gateway-1"] == (
        "its component accepts no connection under another fault"
    )
    fault.heal(stack.context)
    assert other.verify(stack.context)["probe"]["client>gateway-1"] == 1.0
    assert stack.context.refusing == set()


def test_heal_without_inject_does_nothing(stack, fault):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
