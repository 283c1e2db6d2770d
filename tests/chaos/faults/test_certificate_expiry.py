"""certificate-expiry, on a fake stack whose handshakes follow the files of the fault."""

import dataclasses
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import _processes, certificate_expiry
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.certificate_expiry import CertificateExpiry
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import RollbackError


@pytest.fixture
def context(stack, tmp_path, monkeypatch):
    """A context with TLS, in which the first blue edge has the process 103 and the port 1."""
    addresses = {"edge-blue-1": "127.0.0.1:1", "edge-blue-2": "127.0.0.1:2"}
    links = [
        SimpleNamespace(
            name=f"client>{name}", source="client", component=name, kind="wss", upstream=address
        )
        for name, address in addresses.items()
    ]
    pids = {
        addresses[name]: component.pid
        for name, component in stack.control.components().items()
        if name in addresses
    }

    def handshake(address, _ca):
        is_expired = (tmp_path / f"expired-{pids[address]}").exists()
        return "certificate has expired" if is_expired else "accepted"

    monkeypatch.setattr(certificate_expiry, "_handshake", handshake)
    plan = StackPlan(stack.context.plan.roles, links)
    return dataclasses.replace(stack.context, plan=plan, ca=str(tmp_path / "ca.pem"))


def test_the_certificate_of_one_edge_expires_until_the_heal(spec, context, tmp_path):
    fault = CertificateExpiry(spec("certificate-expiry", "edge", for_=1.0))
    assert fault.inject(context) == {"components": ["edge-blue-1"]}
    assert fault.prove(context) == {"edge-blue-1": {"handshake": "certificate has expired"}}
    for _ in range(2):
        assert fault.heal(context) == {}
        assert fault.verify(context) == {"edge-blue-1": "accepted"}
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_is_accepted_is_no_proof(spec, context, monkeypatch):
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(certificate_expiry, "_handshake", lambda *_: "accepted")
    fault = CertificateExpiry(spec("certificate-expiry", "edge", for_=1.0))
    fault.inject(context)
    with pytest.raises(FaultFailed) as failed:
        fault.prove(context)
    assert failed.value.proof == {"edge-blue-1": {"handshake": "accepted"}}


def test_without_tls_nothing_is_done_and_the_reason_is_recorded(stack, spec):
    fault = CertificateExpiry(spec("certificate-expiry", "edge", for_=1.0))
    assert "does not use TLS" in fault.inject(stack.context)["unproven"]["reason"]
    assert fault.prove(stack.context) == {}
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def test_an_edge_that_goes_on_presenting_it_is_not_healed(spec, context, monkeypatch):
    monkeypatch.setattr(certificate_expiry, "VERIFY_S", 0.0)
    fault = CertificateExpiry(spec("certificate-expiry", "edge", for_=1.0))
    fault.inject(context)
    with pytest.raises(RollbackError, match="edge-blue-1 still presents"):
        fault.verify(context)


def test_an_edge_that_another_fault_holds_down_needs_no_handshake(stack, spec, context):
    fault = CertificateExpiry(spec("certificate-expiry", "edge", for_=1.0))
    fault.inject(context)
    stack.control.states["edge-blue-1"] = "held"
    fault.heal(context)
    assert fault.verify(context) == {"edge-blue-1": "not up"}
