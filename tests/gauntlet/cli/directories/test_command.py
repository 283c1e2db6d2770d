"""The commands on a run directory: `gauntlet explain` prints the life of a message."""

import json
import re
from pathlib import Path

import pytest

from gauntlet.cli.main import main
from gauntlet.core.errors import Exit

GOLDEN = Path(__file__).parents[3] / "golden" / "histories"


def violated(name):
    """Return the first message of the first witness of a recorded run, as its report names it."""
    checks = json.loads((GOLDEN / name / "result.json").read_text())["checks"]
    (check,) = (check for check in checks if check["verdict"] == "invalid")
    return re.search(r"message \d+ of \S+ in [^ ,]+", check["witnesses"][0]["sentence"])[0]


def explained(capsys, name, *message):
    """Return what the command prints."""
    assert main(["explain", str(GOLDEN / name), *message]) == Exit.OK
    return capsys.readouterr().out


def test_an_undelivered_message_is_stored_and_never_reached_its_receiver(capsys):
    text = explained(capsys, "withheld", violated("withheld"))
    assert "is stored; it was lost between storage and client for u0-8." in text
    assert "u0-8: never received it\n" in text
    assert "was connected on connection 2 to edge-blue-1" in text
    assert "audit: finds it at position" in text


def test_a_lost_message_is_acknowledged_and_not_in_the_audit(capsys):
    text = explained(capsys, "lost", *violated("lost").split())
    assert re.search(r"acknowledged at position \d+ on connection \d", text)
    assert "audit: does not find it; the conversation ends at position" in text


def test_json_has_the_same_facts_and_a_place_names_the_same_message(capsys):
    (life,) = json.loads(explained(capsys, "withheld", "--json", violated("withheld")))
    assert [row["event"] for row in life["sending"]][-1] == "acknowledged"
    assert {each["client"]: each["presented"] for each in life["receivers"]}["u0-8"] is False
    place = f"position {life['position']} of {life['conv']}"
    assert json.loads(explained(capsys, "withheld", "--json", place)) == [life]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("message 9999 of u0-3 in d.u0-1.u0-3", "are numbered up to"),
        ("message 1 of u0-8 in d.u0-1.u0-3", "has no message of u0-8 in d.u0-1.u0-3"),
        ("message 1 of nope in d.u0-1.u0-3", "the run has no user 'nope'"),
        ("message 1 of u0-1 in nope", "the run has no conversation 'nope'"),
        ("position 99999 of r.den", "no message of this run is at position 99999"),
        ("7", "MESSAGE must be named like"),
    ],
)
def test_an_unknown_message_is_a_usage_error(capsys, message, problem):
    assert main(["explain", str(GOLDEN / "lost"), message]) == Exit.CONFIG
    assert problem in capsys.readouterr().err
