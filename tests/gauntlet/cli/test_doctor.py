"""What `gauntlet doctor` reports on descriptors and ports, and how it prints remedies."""

import pytest
from rich.console import Console

from gauntlet import builds
from gauntlet.chaos.clocks import library
from gauntlet.chaos.disks import mounting
from gauntlet.cli import doctor
from gauntlet.runner.system_limits import SystemLimits


def test_limits_are_reported_as_numbers_of_connections():
    finding = doctor._open_files(SystemLimits(20_000, 28_232, any_loopback=True))
    assert finding.found == "20,000 per process: 19,850 connections, 9,925 through a fault proxy"
    ports = doctor._ports(SystemLimits(20_000, 28_232, any_loopback=True))
    assert ports.found is not None
    assert ports.found.startswith("28,232 from each address")
    assert "more source addresses are used as needed" in ports.found
    assert "as needed" not in str(doctor._ports(SystemLimits(20_000, 28_232, any_loopback=False)))


@pytest.mark.parametrize(
    ("name", "part"), [("load engine", builds.ENGINE), ("reference server", builds.SERVER)]
)
def test_the_builds_that_run_are_named(name, part):
    (finding,) = [each for each in doctor.findings() if each.name == name]
    assert finding.found == str(part.current())


@pytest.mark.parametrize("reason", ["", "/dev/fuse does not exist"])
def test_whether_disks_can_be_mounted_is_reported_with_the_reason(monkeypatch, reason):
    monkeypatch.setattr(mounting, "unavailable", lambda: reason)
    (finding,) = [each for each in doctor.findings() if each.name == "FUSE"]
    assert (finding.found is None, finding.remedy) == (bool(reason), reason)


def test_the_name_of_an_extra_is_printed_as_it_is_typed(monkeypatch, capsys):
    """Brackets would be markup."""
    command = "pip install 'im-gauntlet[charts]'"
    finding = doctor.Finding("x", None, "y", command)
    monkeypatch.setattr(doctor, "findings", lambda: [finding])
    doctor.show(Console(width=200))
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["", "there is no C compiler"])
def test_whether_wall_clocks_can_be_shifted_is_reported_with_the_reason(monkeypatch, reason):
    monkeypatch.setattr(library, "unavailable", lambda: reason)
    (finding,) = [each for each in doctor.findings() if each.name == "C compiler"]
    assert (finding.found is None, finding.remedy) == (bool(reason), reason)


def test_a_limit_that_is_too_low_is_reported_with_its_remedy():
    machine = SystemLimits(1_024, 1_000, any_loopback=True)
    for finding in (doctor._open_files(machine), doctor._ports(machine)):
        assert finding.found is None
        assert finding.remedy.startswith("as root: ")
