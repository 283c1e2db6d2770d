"""A correct run breaks no promise, and each kind of damage breaks the one that it should."""

import subprocess
import sys

import msgspec
import pytest

from benchmarks.resilience import client
from benchmarks.resilience.examination import (
    DUPLICATED,
    INVENTED,
    LOST,
    REORDERED,
    STRANGERS,
    UNDELIVERED,
    violations,
)
from benchmarks.resilience.observations import Connection, Device, Entry, Observations, Sent

ROOM = "r.x"


def entry(number, **changes):
    content = {"conv": ROOM, "seq": number + 1, "sender": "ann", "message": f"m{number}",
               "body": f"text {number}", **changes}  # fmt: skip
    return Entry(**content)


@pytest.fixture
def seen():
    """Ann founds a room with Bob and writes four messages, during which Bob reconnects."""
    added = Entry(ROOM, 1, "ann", "", "added")
    stored = [added, *(entry(number) for number in range(1, 5))]
    sent = [
        Sent(conv=ROOM, sender="ann", message=f"m{number}", body=f"text {number}",
             sent_s=number, acked_s=number + 0.5, seq=number + 1)
        for number in range(1, 5)
    ]  # fmt: skip
    first = Connection("bob", {ROOM: 1}, [stored[1], (ROOM, 3)])
    second = Connection("bob", {ROOM: 3}, [stored[3], stored[4]])
    return Observations(
        members={ROOM: ("ann", "bob")},
        sent=sent,
        devices=[
            Device("bob", "d0", [first, second], [stored[0], stored[2]]),
            Device("ann", "d0", [Connection("ann", {}, list(stored))]),
        ],
        stores=[{ROOM: list(stored)}, {ROOM: list(stored)}],
    )


def promises(seen):
    return {violation.promise for violation in violations(seen)}


def test_a_correct_run_breaks_no_promise(seen):
    assert violations(seen) == []


def test_an_acknowledged_message_that_no_store_has_is_lost(seen):
    seen.stores[1][ROOM].pop()
    assert promises(seen) == {LOST}


def test_a_hole_in_the_positions_is_a_loss(seen):
    seen.sent.pop(1)
    for store in seen.stores:
        store[ROOM].pop(2)
    assert LOST in promises(seen)


def test_an_acknowledgement_with_another_position_is_a_loss(seen):
    seen.sent[0].seq = 3
    assert LOST in promises(seen)


def test_a_message_without_an_answer_may_be_stored_or_not(seen):
    seen.sent[3].acked_s = seen.sent[3].seq = None
    assert violations(seen) == []
    for store in seen.stores:
        store[ROOM].pop()
    for device in seen.devices:
        device.connections[-1].frames.pop()
    assert violations(seen) == []


def test_a_refused_message_must_not_be_stored(seen):
    seen.sent[3].acked_s = seen.sent[3].seq = None
    seen.sent[3].refused = True
    assert promises(seen) == {INVENTED}
    seen.sent[3].unsure = True
    assert violations(seen) == []


def test_a_message_stored_twice_is_a_duplicate(seen):
    for store in seen.stores:
        store[ROOM].append(entry(4, seq=6))
    seen.devices[0].connections[-1].frames.append(entry(4, seq=6))
    seen.devices[1].connections[-1].frames.append(entry(4, seq=6))
    assert DUPLICATED in promises(seen)


def test_a_push_that_is_repeated_on_a_connection_is_a_duplicate(seen):
    seen.devices[0].connections[1].frames.append(entry(4))
    assert promises(seen) == {DUPLICATED}


def test_a_jump_without_a_gap_is_a_reordering(seen):
    seen.devices[1].connections[0].frames.pop(2)
    seen.devices[1].read.append(entry(2))
    assert promises(seen) == {REORDERED}


def test_messages_in_another_order_than_they_were_sent_are_reordered(seen):
    seen.sent[1].sent_s, seen.sent[1].acked_s = 10, 11
    assert promises(seen) == {REORDERED}


def test_two_messages_in_flight_at_the_same_time_may_have_any_order(seen):
    seen.sent[1].sent_s, seen.sent[1].acked_s = 2.9, 3.6
    assert violations(seen) == []


def test_a_push_to_a_stranger_and_an_open_history_are_shown_to_strangers(seen):
    seen.devices.append(Device("eve", "d0", [Connection("eve", {}, [entry(1)])]))
    assert STRANGERS in promises(seen)
    seen.devices.pop()
    seen.open_to.append((ROOM, "eve"))
    assert promises(seen) == {STRANGERS}


def test_a_message_that_was_never_sent_or_has_another_text_is_invented(seen):
    seen.sent[2].body = "another text"
    assert promises(seen) == {INVENTED}
    seen.sent[2].body = "text 3"
    seen.devices[0].read[1] = entry(2, body="another text")
    assert promises(seen) == {INVENTED}


def test_a_device_without_a_stored_message_is_undelivered(seen):
    seen.devices[0].read.pop()
    assert promises(seen) == {UNDELIVERED}


def test_the_clients_import_neither_the_engine_nor_the_judge():
    code = (
        "import sys, benchmarks.resilience.population, benchmarks.resilience.examination\n"
        "print([name for name in sys.modules if name.startswith('gauntlet')])"
    )
    folder = client.__file__.rpartition("benchmarks")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_the_stores_only_the_connections_are_examined(seen):
    unread = msgspec.structs.replace(seen, stores=[])
    assert violations(unread) == []
    unread.devices[1].connections[0].frames.reverse()
    assert {each.promise for each in violations(unread)} == {DUPLICATED, REORDERED}
