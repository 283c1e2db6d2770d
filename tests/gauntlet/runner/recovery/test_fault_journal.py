"""Each fault is noted for a recovery before it is injected, and until it is healed."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner.recovery.fault_journal import FaultJournal

COMMAND = Fault(
    id="c",
    kind="command",
    target="",
    at=FixedTime(0.0),
    for_=Duration(1.0),
    params={"inject": ["i"], "heal": ["h", "1"], "verify": ["v"], "timeout": "3s"},
)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def faults(calls, tmp_path):
    """A journal of faults; `calls` has what it wrote, in order."""
    recovery = SimpleNamespace(
        note_fault_requested=lambda name, command: calls.append(("requested", name, command)),
        note_fault_healed=lambda name: calls.append(("healed", name)),
        note_control_group=lambda path: calls.append(("noted", path)),
    )
    chaos = SimpleNamespace(write=lambda kind, **fields: calls.append((kind, fields.get("step"))))
    return FaultJournal(chaos, recovery, [COMMAND], tmp_path)


def test_a_control_group_is_noted_for_the_recovery_first(faults, calls):
    faults.write("control-group", path="/group")
    assert calls == [("noted", "/group"), ("control-group", None)]


def test_a_request_is_noted_for_the_recovery_first(faults, calls):
    faults.write("fault", id="k", step="requested")
    assert calls == [("requested", "k", {}), ("fault", "requested")]


def test_the_commands_that_heal_are_noted(faults, calls, tmp_path):
    faults.write("fault", id="c", step="requested")
    assert calls[0][2] == {
        "heal": ["h", "1"],
        "verify": ["v"],
        "timeout_s": 3.0,
        "path": str(tmp_path.resolve()),
        "folder": str(Path.cwd()),
    }


def test_a_heal_is_noted_and_other_rows_are_not(faults, calls):
    faults.write("fault", id="c", step="effective")
    faults.write("cutover", id="c", state="drain")
    faults.write("fault", id="c", step="healed")
    assert calls == [
        ("fault", "effective"),
        ("cutover", None),
        ("healed", "c"),
        ("fault", "healed"),
    ]


def test_a_heal_that_cannot_be_noted_for_the_recovery_is_journalled(calls, tmp_path):
    def fail(_name):
        raise OSError(28, "No space left on device")

    chaos = SimpleNamespace(write=lambda kind, **fields: calls.append((kind, fields["step"])))
    faults = FaultJournal(chaos, SimpleNamespace(note_fault_healed=fail), [], tmp_path)
    faults.write("fault", id="k", step="healed")
    assert calls == [("fault", "healed")]


def test_a_fault_whose_request_cannot_be_journalled_is_not_left_open(calls, tmp_path):
    def fail(_kind, **_fields):
        raise OSError(28, "No space left on device")

    recovery = SimpleNamespace(
        note_fault_requested=lambda name, _command: calls.append(("requested", name)),
        note_fault_healed=lambda name: calls.append(("healed", name)),
        note_control_group=lambda path: calls.append(("noted", path)),
    )
    faults = FaultJournal(SimpleNamespace(write=fail), recovery, [], tmp_path)
    with pytest.raises(OSError, match="No space"):
        faults.write("fault", id="k", step="requested")
    assert calls == [("requested", "k"), ("healed", "k")]
