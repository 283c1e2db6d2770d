"""What two accounts outside the load may be shown of each other, and what they may be refused."""

import itertools

import pytest

from gauntlet.core.history import Contact, Kind, ProbeResult, Relation
from gauntlet.reports.checks import contacts

from ..small_runs import NS, SmallRun, ns, sentences

ANN, BOB, EVE = 900_000, 900_001, 900_002
NAMES = {ANN: "ann", BOB: "bob", EVE: "eve"}
GRANTED, REFUSED, UNKNOWN = ProbeResult.GRANTED, ProbeResult.REFUSED, ProbeResult.UNKNOWN
NOTHING, FRIEND = Relation(0), Relation.FRIEND
INCOMING, OUTGOING, BLOCKED = Relation.INCOMING, Relation.OUTGOING, Relation.BLOCKED


class Pair:
    """A run in which ann and bob do something, one step a second from 1 s on, unless `at_s` says.

    Each step takes a tenth of a second.
    """

    def __init__(self, **scenario):
        self.run = SmallRun((1, 2), **scenario)
        self.run.story.accounts = dict(NAMES)
        self.now_s = 0.0

    def _add(self, kind, who, other, at_s, took_s, **fields):
        self.now_s = self.now_s + 1 if at_s is None else at_s
        known = {"peer": who, "sseq": other, "ref_ns": ns(self.now_s), **fields}
        self.run.add(kind, self.now_s + took_s, **known)
        return self

    def do(self, who, contact, result=GRANTED, *, at_s=None, took_s=0.1, other=0):
        other = other or (BOB if who == ANN else ANN)
        return self._add(Kind.CONTACT, who, other, at_s, took_s, seq=contact, spare=result)

    def list(self, who, shown, *, at_s=None, took_s=0.1, other=0):
        other = other or (BOB if who == ANN else ANN)
        return self._add(Kind.CONTACT_LIST, who, other, at_s, took_s, seq=shown)

    def unrelated(self):
        """Let both see that there is nothing between them."""
        return self.do(ANN, Contact.END).list(ANN, NOTHING).list(BOB, NOTHING)

    def verdict(self):
        return self.run.verdict("contacts")


def friends():
    return Pair().unrelated().do(ANN, Contact.REQUEST).do(BOB, Contact.REQUEST)


def test_a_run_without_accounts_outside_the_load_is_not_judged():
    assert SmallRun((1, 2)).verdict("contacts").outcome == "not-applicable"


@pytest.mark.parametrize("damage", [{"contact": 0}, {"contact": 77}, {"result": 0}, {"result": 9}])
def test_a_record_with_numbers_that_mean_nothing_is_left_out(damage):
    """A shard may be damaged, and what else it holds is judged."""
    pair = friends().do(ANN, **{"contact": Contact.REQUEST, **damage}).list(BOB, FRIEND)
    found = pair.verdict()
    assert (found.outcome, found.examined) == ("valid", 3)


def test_accounts_that_were_shown_nothing_are_not_judged():
    found = Pair().do(ANN, Contact.END).do(ANN, Contact.REQUEST).verdict()
    assert (found.outcome, found.examined) == ("not-applicable", 0)


def test_a_single_list_is_enough_to_judge():
    found = Pair().do(ANN, Contact.END).list(ANN, NOTHING).verdict()
    assert (found.outcome, found.examined) == ("valid", 1)


@pytest.mark.parametrize("shown", [None, NOTHING])
def test_only_if_nothing_is_judged_all_of_it_is_unexamined(shown):
    pair = Pair().do(ANN, Contact.END).do(ANN, Contact.REQUEST)
    if shown is not None:
        pair.list(BOB, shown)
    assert contacts.check(pair.run.history()).unexamined == (2 if shown is None else 0)


def test_what_both_are_shown_agrees_with_what_they_did():
    pair = friends().list(ANN, FRIEND).list(BOB, FRIEND).do(BOB, Contact.END)
    pair = pair.list(ANN, NOTHING).list(BOB, NOTHING)
    found = pair.do(BOB, Contact.BLOCK).list(ANN, NOTHING).list(BOB, BLOCKED).verdict()
    assert (found.outcome, found.examined) == ("valid", 8)


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (
            lambda: friends().list(ANN, FRIEND).list(BOB, INCOMING),
            (
                "The lists of bob have ann among the incoming requests, and not among the friends, "
                "after bob had requested the friendship of ann."
            ),
        ),
        (
            lambda: Pair().unrelated().do(ANN, Contact.REQUEST).list(BOB, NOTHING),
            (
                "The lists of bob have ann nowhere, and not among the incoming requests, after "
                "ann had requested the friendship of bob."
            ),
        ),
        (
            lambda: friends().do(BOB, Contact.END).list(ANN, FRIEND),
            (
                "The lists of ann have bob among the friends, and not nowhere, after bob had ended "
                "what was between them and ann."
            ),
        ),
        (
            lambda: friends().do(BOB, Contact.BLOCK).list(BOB, FRIEND | BLOCKED),
            (
                "The lists of bob have ann among the friends and among the blocked users, and not "
                "among the blocked users, after bob had blocked ann."
            ),
        ),
        (
            lambda: Pair().unrelated().list(ANN, INCOMING),
            (
                "The lists of ann have bob among the incoming requests, and not nowhere, after "
                "ann had ended what was between them and bob."
            ),
        ),
        (
            lambda: friends().list(ANN, FRIEND | Relation.UNRELATED),
            "The lists of ann name accounts with which they never had to do.",
        ),
    ],
)
def test_a_list_that_contradicts_what_was_answered_is_a_violation(pair, sentence):
    found = pair().verdict()
    assert found.outcome == "invalid"
    assert sentences(found) == [sentence]


def test_a_relation_that_was_not_requested_is_a_violation_also_at_first():
    pair = Pair().do(ANN, Contact.END).list(ANN, FRIEND)
    (sentence,) = sentences(pair.verdict())
    assert sentence == (
        "The lists of ann have bob among the friends, and not nowhere or among the blocked users, "
        "after ann had ended what was between them and bob."
    )


def test_the_change_before_a_list_may_be_the_first_record_of_the_run():
    pair = Pair().do(ANN, Contact.END, at_s=-1).list(ANN, FRIEND, at_s=2)
    (sentence,) = sentences(pair.verdict())
    assert "after ann had ended" in sentence


def test_a_list_that_no_answered_change_precedes_is_told_without_one():
    pair = Pair().do(ANN, Contact.END, UNKNOWN).list(BOB, NOTHING).list(ANN, FRIEND)
    (sentence,) = sentences(pair.verdict())
    assert sentence == (
        "The lists of ann have bob among the friends, and not nowhere or among the blocked users."
    )


@pytest.mark.parametrize("shown", [NOTHING, OUTGOING])
def test_after_a_change_without_an_answer_both_lists_are_possible(shown):
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, UNKNOWN).list(ANN, shown)
    assert pair.verdict().count == 0
    # What one is shown tells what the other must be shown, unless the change comes in between.
    assert pair.list(BOB, NOTHING).verdict().count == (shown == OUTGOING)


def test_one_defect_counts_once():
    """After it, the list is believed."""
    pair = friends().list(ANN, FRIEND).list(BOB, INCOMING).list(ANN, OUTGOING).list(BOB, INCOMING)
    assert pair.verdict().count == 1


def test_accounts_of_other_pairs_are_others():
    pair = Pair().unrelated().do(ANN, Contact.REQUEST)
    pair.do(ANN, Contact.END, other=EVE).list(EVE, NOTHING, other=ANN).list(BOB, INCOMING)
    assert pair.verdict().count == 0


def test_a_fault_does_not_excuse_the_loss_of_a_change():
    pair = friends()
    pair.run.fault(6, 7)
    assert pair.list(ANN, NOTHING, at_s=7.5).verdict().count == 1


@pytest.mark.parametrize(
    ("list_s", "took_s", "change_s", "count"),
    [(5, 0.1, 6, 1), (5, 2, 6, 0), (6.05, 0.1, 6, 0), (6.2, 0.1, 6, 0)],
)
def test_what_overlaps_with_a_change_is_not_judged(list_s, took_s, change_s, count):
    """The request takes a tenth of a second; a list of another time must not show it before."""
    pair = Pair().unrelated()
    pair.do(ANN, Contact.REQUEST, at_s=change_s)
    pair.list(BOB, INCOMING, at_s=list_s, took_s=took_s)
    assert pair.verdict().count == count


@pytest.mark.parametrize(("list_s", "count"), [(6 - NS, 0), (6, 1)])
def test_a_list_that_is_requested_when_a_change_is_answered_must_show_it(list_s, count):
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, at_s=5, took_s=1)
    assert pair.list(BOB, NOTHING, at_s=list_s).verdict().count == count


@pytest.mark.parametrize(("end_s", "count"), [(6 - NS, 0), (6, 1)])
def test_a_change_that_is_requested_when_another_is_answered_follows_it(end_s, count):
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, at_s=5, took_s=1)
    pair.do(ANN, Contact.END, at_s=end_s, took_s=1)
    assert pair.list(ANN, OUTGOING, at_s=8).verdict().count == count


def test_changes_that_overlap_may_have_taken_effect_in_any_order():
    pair = Pair().unrelated()
    pair.do(ANN, Contact.REQUEST, at_s=5, took_s=2).do(BOB, Contact.END, at_s=6)
    assert pair.list(ANN, OUTGOING, at_s=8).verdict().count == 0
    # The request came last, as the list of ann has shown, and bob is still shown that of before.
    assert pair.list(BOB, NOTHING, at_s=9).verdict().count == 1


@pytest.mark.parametrize(("first", "second"), [(ANN, BOB), (BOB, ANN)])
@pytest.mark.parametrize(("shown", "count"), [(FRIEND, 0), (OUTGOING, 2), (INCOMING, 2)])
def test_two_requests_that_cross_are_a_friendship(first, second, shown, count):
    pair = Pair().unrelated().do(first, Contact.REQUEST, at_s=5, took_s=2)
    pair.do(second, Contact.REQUEST, at_s=6, took_s=2)
    pair.list(first, shown, at_s=9).list(second, shown, at_s=10)
    assert pair.verdict().count == count


def test_a_change_that_another_one_follows_comes_first_though_a_third_overlaps_with_both():
    """The block of ann is requested first, and answered last."""
    pair = Pair().unrelated().do(ANN, Contact.BLOCK, at_s=5, took_s=4)
    pair.do(BOB, Contact.BLOCK, at_s=6).do(BOB, Contact.UNBLOCK, at_s=7)
    assert pair.list(BOB, NOTHING, at_s=10).list(ANN, BLOCKED, at_s=11).verdict().count == 0
    assert pair.list(BOB, BLOCKED, at_s=12).verdict().count == 1


@pytest.mark.parametrize(("others", "count"), [(5, 1), (6, 0)])
def test_the_orders_of_up_to_8_changes_that_overlap_are_told_apart(others, count):
    """The block of ann overlaps with all others, of which the removal of bob's block is last."""
    pair = Pair().unrelated().do(ANN, Contact.BLOCK, at_s=5, took_s=40)
    for number in range(others):
        pair.do(BOB, Contact.END, at_s=6 + number)
    pair.do(BOB, Contact.BLOCK, at_s=20).do(BOB, Contact.UNBLOCK, at_s=21)
    assert pair.list(BOB, BLOCKED, at_s=50).verdict().count == count


def test_of_changes_that_overlap_none_takes_effect_twice():
    """The block of bob must not come again after its removal, and before the last change."""
    pair = Pair().unrelated().do(ANN, Contact.END, at_s=4.9, took_s=20)
    pair.do(BOB, Contact.BLOCK, at_s=5).do(ANN, Contact.BLOCK, at_s=5.05, took_s=20)
    pair.do(BOB, Contact.UNBLOCK, at_s=6)
    assert pair.list(BOB, BLOCKED, at_s=50).verdict().count == 1


@pytest.mark.parametrize(("shown", "count"), [(INCOMING, 0), (OUTGOING, 1)])
def test_a_change_without_an_answer_may_come_before_one_that_overlaps_with_it(shown, count):
    """Bob blocks ann, and a request of ann can only be granted after the end of that block."""
    pair = Pair().unrelated().do(BOB, Contact.BLOCK, at_s=5)
    pair.do(BOB, Contact.UNBLOCK, UNKNOWN, at_s=8, took_s=2).do(ANN, Contact.REQUEST, at_s=9)
    assert pair.list(BOB, shown, at_s=12).verdict().count == count


def test_of_many_changes_that_overlap_each_may_have_come_last():
    pair = Pair().unrelated()
    for at in range(5):
        for contact in (Contact.REQUEST, Contact.END):
            pair.do(ANN, contact, at_s=5 + at / 10, took_s=3)
    assert pair.list(ANN, OUTGOING, at_s=9).verdict().count == 0
    assert pair.list(BOB, FRIEND, at_s=10).verdict().count == 1


def test_a_list_that_overlaps_with_a_change_leaves_the_change_certain():
    pair = Pair().unrelated().list(BOB, NOTHING, at_s=5, took_s=2)
    pair.do(ANN, Contact.REQUEST, at_s=6)
    assert pair.list(BOB, NOTHING, at_s=8).verdict().count == 1


def test_lists_that_overlap_with_each_other_are_judged():
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, at_s=5)
    pair.list(ANN, OUTGOING, at_s=6, took_s=2).list(BOB, NOTHING, at_s=7, took_s=2)
    assert pair.verdict().count == 1


def test_between_two_changes_every_list_is_judged():
    """The first list overlaps with the change, and the second one only with the first list."""
    pair = Pair().unrelated().list(BOB, NOTHING, at_s=5, took_s=4)
    pair.do(ANN, Contact.REQUEST, at_s=6).list(BOB, NOTHING, at_s=7).do(ANN, Contact.END, at_s=10)
    assert pair.verdict().count == 1


def test_a_change_may_take_effect_between_two_lists_that_overlap():
    """The second list was read before the request took effect, and the first one after that."""
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, UNKNOWN, at_s=5)
    pair.list(ANN, OUTGOING, at_s=6, took_s=3).list(BOB, NOTHING, at_s=7)
    assert (pair.verdict().count, pair.verdict().examined) == (0, 2)
    assert pair.list(BOB, INCOMING, at_s=10).list(ANN, NOTHING, at_s=11).verdict().count == 1


@pytest.mark.parametrize(("second_s", "examined"), [(7 - NS, 2), (7, 4)])
def test_lists_that_overlap_while_a_change_is_uncertain_are_not_judged(second_s, examined):
    pair = Pair().unrelated().do(ANN, Contact.REQUEST, UNKNOWN, at_s=5)
    pair.list(ANN, OUTGOING, at_s=6, took_s=1).list(BOB, INCOMING, at_s=second_s)
    assert pair.verdict().examined == examined


def test_a_request_that_was_made_or_accepted_may_be_refused_if_it_is_repeated():
    pair = Pair().unrelated().do(ANN, Contact.REQUEST).do(ANN, Contact.REQUEST, REFUSED, at_s=20)
    pair.do(BOB, Contact.REQUEST, at_s=21).do(ANN, Contact.REQUEST, REFUSED, at_s=30)
    assert pair.list(ANN, FRIEND).verdict().count == 0
    pair.do(BOB, Contact.END, at_s=40).do(ANN, Contact.REQUEST, REFUSED, at_s=50)
    assert pair.verdict().count == 1


@pytest.mark.parametrize("is_known_before", [True, False])
def test_a_system_may_accept_messages_of_friends_alone(is_known_before):
    pair = friends() if is_known_before else Pair()
    pair.do(ANN, Contact.SEND, at_s=10)
    pair.list(ANN, FRIEND, at_s=11).list(BOB, FRIEND, at_s=12).do(BOB, Contact.END, at_s=13)
    assert pair.do(ANN, Contact.SEND, REFUSED, at_s=20).verdict().outcome != "unknown"
    assert sum("direct message" in each for each in sentences(pair.verdict())) == 0
    # They are friends again.
    pair.do(BOB, Contact.REQUEST, at_s=21).do(ANN, Contact.REQUEST, at_s=22)
    pair.do(ANN, Contact.SEND, REFUSED, at_s=30)
    assert sum("direct message" in each for each in sentences(pair.verdict())) == 1


def test_a_message_that_was_accepted_of_no_friend_must_be_accepted_later():
    """That they were no friends is seen only after the message."""
    pair = Pair().do(ANN, Contact.SEND, at_s=4).list(ANN, NOTHING, at_s=5)
    pair.list(BOB, NOTHING, at_s=6).do(ANN, Contact.SEND, REFUSED, at_s=15)
    assert pair.verdict().count == 1


@pytest.mark.parametrize("numbers", list(itertools.permutations((ANN, BOB, EVE))))
def test_what_an_account_is_to_several_others_is_kept_apart(numbers):
    """One is a friend of another, blocks a third, and ends and renews a request."""
    one, two, three = numbers
    pair = Pair()
    pairs = list(itertools.permutations(numbers, 2))
    for who, other in pairs:
        pair.do(who, Contact.END, other=other)
    for who, other in pairs:
        pair.list(who, NOTHING, other=other)
    pair.do(one, Contact.REQUEST, other=two).do(two, Contact.REQUEST, other=one)
    pair.do(three, Contact.REQUEST, other=one).list(one, INCOMING, other=three)
    pair.do(one, Contact.BLOCK, other=three).list(one, BLOCKED, other=three)
    pair.list(three, NOTHING, other=one).list(one, FRIEND, other=two)
    pair.do(two, Contact.REQUEST, other=three).do(two, Contact.END, other=three)
    pair.list(three, NOTHING, other=two).do(two, Contact.REQUEST, other=three)
    pair.list(three, INCOMING, other=two).list(two, OUTGOING, other=three)
    assert pair.verdict().count == 0
    pair.list(two, INCOMING, other=three)
    assert pair.verdict().count == 1


def unblocked(contact, *, before=GRANTED, **scenario):
    """Return a run in which ann did something, was blocked by bob, and is free from 8.1 s on."""
    pair = Pair(**scenario).unrelated().do(ANN, contact, before, at_s=4)
    pair.do(BOB, Contact.BLOCK, at_s=5).do(ANN, contact, REFUSED, at_s=6)
    return pair.do(BOB, Contact.UNBLOCK, at_s=8)


TRIED = {
    Contact.SEND: "ann sent a direct message to bob and was refused, 5 s after any block "
    "between the two had ended.",
    Contact.REQUEST: "ann requested the friendship of bob and was refused, 5 s after any block "
    "between the two had ended.",
}


@pytest.mark.parametrize("contact", TRIED)
@pytest.mark.parametrize("result", [GRANTED, REFUSED, UNKNOWN])
def test_what_was_possible_before_a_block_is_possible_5_s_after_its_removal(contact, result):
    found = unblocked(contact).do(ANN, contact, result, at_s=13.1).verdict()
    assert sentences(found) == [TRIED[contact]] * (result == REFUSED)
    assert found.examined == 2 + (result != UNKNOWN)


@pytest.mark.parametrize("contact", TRIED)
def test_the_removal_of_a_block_has_5_s_to_take_effect(contact):
    pair = unblocked(contact).do(ANN, contact, REFUSED, at_s=13.1 - NS)
    assert pair.verdict().count == 0


@pytest.mark.parametrize("contact", TRIED)
def test_what_was_not_possible_before_a_block_need_not_be_possible_after_it(contact):
    pair = unblocked(contact, before=REFUSED).do(ANN, contact, REFUSED, at_s=13.1)
    assert pair.verdict().count == 0
    pair = unblocked(contact).do(BOB, contact, REFUSED, at_s=13.1)
    assert pair.verdict().count == 0


def test_a_request_that_may_have_been_made_may_be_refused_if_it_is_repeated():
    pair = unblocked(Contact.REQUEST).do(ANN, Contact.REQUEST, UNKNOWN, at_s=20)
    assert pair.do(ANN, Contact.REQUEST, REFUSED, at_s=30).verdict().count == 0


@pytest.mark.parametrize(("again_s", "count"), [(14, 0), (17, 1)])
def test_a_block_has_ended_when_all_changes_that_overlap_are_answered(again_s, count):
    """The removal of the block is answered at 8.1 s, and the other change at 12 s."""
    pair = Pair().unrelated().do(ANN, Contact.SEND, at_s=4).do(BOB, Contact.BLOCK, at_s=5)
    pair.do(ANN, Contact.END, at_s=7.5, took_s=4.5).do(BOB, Contact.UNBLOCK, at_s=8)
    assert pair.do(ANN, Contact.SEND, REFUSED, at_s=again_s).verdict().count == count


@pytest.mark.parametrize(("contact", "count"), [(Contact.BLOCK, 0), (Contact.UNBLOCK, 1)])
def test_a_block_that_may_take_effect_later_refuses_rightly(contact, count):
    pair = unblocked(Contact.SEND).do(BOB, contact, UNKNOWN, at_s=9)
    assert pair.do(ANN, Contact.SEND, REFUSED, at_s=20).verdict().count == count


@pytest.mark.parametrize(
    ("fault", "count"),
    [((4, 6), 1), ((4, 6.2), 0), ((9, 10), 0), ((13.15, 15), 0), ((13.3, 15), 1), ((4, None), 0)],
)
def test_a_fault_may_keep_the_removal_of_a_block_from_taking_effect(fault, count):
    """The attempt lasts from 13.1 s to 13.2 s, and a recovery takes 2 s."""
    pair = unblocked(Contact.SEND, recovery_window=2)
    pair.run.fault(*fault)
    assert pair.do(ANN, Contact.SEND, REFUSED, at_s=13.1).verdict().count == count


def test_violations_are_told_in_the_order_of_their_times():
    pair = friends().list(BOB, INCOMING)
    pair.do(ANN, Contact.END, other=EVE, at_s=2).list(EVE, FRIEND, other=ANN, at_s=3)
    found = pair.verdict()
    assert [each.split()[3] for each in sentences(found)] == ["eve", "bob"]
    assert found.times_ns.tolist() == sorted(found.times_ns.tolist())


def test_of_many_violations_ten_are_told():
    pair = friends()
    for number in range(11):
        pair.list(BOB, (INCOMING, FRIEND)[number % 2])
    found = pair.verdict()
    assert (found.count, len(sentences(found))) == (11, 10)
