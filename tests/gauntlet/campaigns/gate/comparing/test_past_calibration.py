"""Which earlier calibration a gate names."""

import msgspec
import pytest

from gauntlet.campaigns.gate.comparing import past_calibration
from gauntlet.campaigns.gate.outcome import FILE, Calibrated, Scenario

from ..example import gate

MACHINE = {"cores": 2, "memory_mb": 8000}
FOUND = Calibrated("steady", "ack_p50_ms", "steady", 20, 0.02, 0.0, 0.99, 0.1, "10 %.")


@pytest.fixture
def store(tmp_path):
    def store(hour=19, suite="smoke", **changes):
        name = f"20261129T{hour}0501Z-{suite}-0-9f3c"
        changes = {"mode": "calibration", "calibration": (FOUND,), **changes}
        (tmp_path / name).mkdir()
        made = gate(id=name, suite=suite, **changes)
        (tmp_path / name / FILE).write_bytes(msgspec.json.encode(made))
        return name

    return store


def last(folder, machine=MACHINE, **digests):
    return past_calibration.last(folder, "smoke", machine, digests or {"steady": "abc"})


def test_the_last_calibration_of_the_suite_is_found(store, tmp_path):
    store(hour=18)
    newest = store(hour=20)
    store(hour=21, mode="against", calibration=())
    store(hour=22, suite="other")
    found = last(tmp_path)
    assert (found.id, found.figures) == (newest, (FOUND,))


def test_one_of_another_machine_or_other_scenarios_does_not_fit(store, tmp_path):
    store(hour=18, machine={"cores": 64, "memory_mb": 8000})
    store(hour=19, scenarios=(Scenario("steady", "other"),))
    store(hour=20, scenarios=(Scenario("steady", "abc"), Scenario("calm", "x")))
    store(hour=21, calibration=())
    assert last(tmp_path) is None


def test_damaged_files_are_left_out(store, tmp_path):
    whole = store(hour=18)
    for hour, content in ((19, b"{"), (20, b"[]"), (21, b'{"schema_version": 9}'), (22, b"\xff")):
        (tmp_path / store(hour=hour) / FILE).write_bytes(content)
    assert last(tmp_path).id == whole


def test_a_folder_that_does_not_exist_has_none(tmp_path):
    assert last(tmp_path / "none") is None
