"""The reconciliation line."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.workloads.entities import Conversation, Op, User, device_keys

ROOM = Conversation(5, "r.w0-0", "group", (11, 12, 13))


def ledger(watching=(11, 12, 13)):
    """A ledger of one room, in which some watch."""
    made = Ledger()
    made.open(ROOM)
    for user in watching:
        made.watch(5, user)
    return made


@given(st.permutations([("ack", 0), ("see", 11), ("see", 12), ("see", 12), ("see", 13)]))
def test_counts_do_not_depend_on_what_came_first(events):
    """Pushes may overtake the ack, and come twice: each member counts once."""
    book = ledger()
    book.submit()
    for what, user in events:
        if what == "ack":
            book.ack(Op(0, ROOM, 11, 1))
        else:
            book.present(5, user, 11, 1)
    assert (book.expected, book.presented, book.missing, book.outstanding) == (3, 3, 0, 0)
    assert book.settled()


def test_nothing_is_expected_of_those_who_never_connected():
    """A member who never watched is not missing anything."""
    book = ledger(watching=(11, 12))
    book.submit()
    book.ack(Op(0, ROOM, 11, 1))
    book.present(5, 11, 11, 1)
    assert (book.expected, book.presented, book.missing) == (2, 1, 1)
    assert not book.settled()


def test_every_op_ends_in_exactly_one_count():
    """Ops = acked + rejected + unknown + outstanding, at any moment."""
    book = ledger()
    for _ in range(4):
        book.submit()
    book.ack(Op(0, ROOM, 11, 1))
    book.reject()
    book.give_up()
    assert (book.ops, book.acked, book.rejected, book.unknown, book.outstanding) == (4, 1, 1, 1, 1)


def test_the_audit_finds_what_was_acked_and_is_not_stored():
    """Acked and absent is lost; stored without an ack is not counted."""
    book = ledger()
    for sseq in (1, 2):
        book.submit()
        book.ack(Op(0, ROOM, 11, sseq))
    book.audit(5, {(11, 2), (12, 9)})
    assert book.lost == 1


def test_an_op_is_acked_before_and_after_all_members_have_presented_it():
    book = ledger(watching=(11,))
    book.present(5, 11, 11, 2)
    assert not book.is_acked(5, 11, 2)
    for sseq in (1, 2):
        book.ack(Op(0, ROOM, 11, sseq))
    assert book.is_acked(5, 11, 1)  # waits for member 11
    assert book.is_acked(5, 11, 2)
    assert not book.is_acked(5, 12, 1)


def test_without_an_echo_nobody_is_owed_his_own_messages():
    """The author wrote it there: only the others have to be shown it."""
    book = Ledger(self_echo=False)
    book.open(ROOM)
    for user in (11, 12):
        book.watch(5, user)
    book.ack(Op(0, ROOM, 11, 1))
    book.present(5, 11, 11, 1)
    assert (book.expected, book.presented) == (1, 0)
    book.present(5, 12, 11, 1)
    assert book.missing == 0


def test_what_everybody_has_seen_is_kept_small_and_still_audited():
    """Memory does not grow by two dictionary entries an op, and a lost op is found all the same."""
    book = ledger(watching=(11, 12))
    for sseq in range(1, 101):
        book.submit()
        book.present(5, 12, 11, sseq)
        book.ack(Op(0, ROOM, 11, sseq))
        book.present(5, 11, 11, sseq)
        book.present(5, 11, 11, sseq)
    assert (book.presented, book.missing) == (200, 0)
    kept = book._conversations[5]
    assert len(kept.settled) == 100
    assert not kept.acked
    book.audit(5, {(11, sseq) for sseq in range(3, 101)})
    assert book.lost == 2


def test_every_device_must_receive_everything():
    """Devices count separately, also those of the author, but not those that never watched."""
    book = Ledger(devices=2)
    book.open(ROOM)
    watching = [
        device_key
        for device_key in device_keys(ROOM.members, 2)
        if device_key != User(13, "c", 1).device_key
    ]
    for device_key in watching:
        book.watch(5, device_key)
    book.submit()
    book.ack(Op(0, ROOM, 11, 1))
    assert book.expected == 5
    for device_key in watching:
        assert not book.settled()
        book.present(5, device_key, 11, 1)
    assert book.settled()


def test_nothing_more_is_expected_of_a_member_who_is_removed():
    book = ledger()
    for sseq in (1, 2):
        book.submit()
        book.ack(Op(0, ROOM, 11, sseq))
    for user, sseq in ((11, 1), (12, 1), (13, 1), (11, 2)):
        book.present(5, user, 11, sseq)
    book.unwatch(5, 13)
    assert (book.expected, book.presented, book.removals) == (5, 4, 1)
    book.present(5, 12, 11, 2)
    assert book.settled()
    book.present(5, 13, 11, 2)  # it was on its way
    assert (book.expected, book.presented) == (5, 5)


def test_a_message_that_only_a_removed_member_lacks_is_settled():
    book = ledger()
    book.submit()
    book.ack(Op(0, ROOM, 11, 1))
    book.present(5, 11, 11, 1)
    book.present(5, 12, 11, 1)
    assert list(book.waiting())
    book.unwatch(5, 13)
    assert book.settled()
    assert not list(book.waiting())
    book.submit()
    book.ack(Op(0, ROOM, 11, 2))
    assert book.expected == 4
