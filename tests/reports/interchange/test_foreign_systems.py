"""Logs of other kinds of chat systems pass if they are correct, and a planted defect is named."""

from collections.abc import Callable

import pytest

from .foreign_systems import irc, matrix, mqtt, several_devices, slack, xmpp
from .lines import Rows
from .test_importing import Imported, sentence, violated

# The checks that the planted defect violates, in the order in which they are named. A message of
# MQTT that overtakes the one before it is no reply, though its sender had received its own message.
PLANTED: dict[Callable[..., Rows], list[str]] = {
    irc: ["misdelivery"],
    matrix: ["phantom"],
    slack: ["lost-acked"],
    xmpp: ["duplicate"],
    mqtt: ["sender-fifo"],
    several_devices: ["undelivered"],
}
SYSTEMS = pytest.mark.parametrize("make", PLANTED, ids=lambda make: make.__name__)


@SYSTEMS
def test_a_correct_log_passes(imported: Imported, make):
    result = imported(make(planted=False))
    assert violated(result) == set(), result["verdict"]["reasons"]
    assert result["verdict"]["status"] == "pass", result["verdict"]


@SYSTEMS
def test_a_planted_defect_is_the_only_one_and_is_named(imported: Imported, make):
    reasons = imported(make(planted=True))["verdict"]["reasons"]
    assert [reason.split(":")[0] for reason in reasons] == PLANTED[make], reasons


def test_both_messages_of_an_overtaking_are_named_by_their_ids(imported: Imported):
    """The ids of an imported history are not the numbers that its records have."""
    reasons = imported(mqtt(planted=True))["verdict"]["reasons"]
    (overtaken,) = [reason for reason in reasons if reason.startswith("sender-fifo")]
    assert "received message 15 of panel in home/door before message 14, which" in overtaken


def test_recovery_is_not_judged_in_a_protocol_without_acknowledgements(imported: Imported):
    found = sentence(imported(irc(planted=False)), "unrecovered")
    assert found.startswith("Not judged: no send has the key `completed`")
