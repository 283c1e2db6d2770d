"""Accounts that do anything with each other, and are shown it rightly, violate nothing.

Requests overlap, some are not answered, and their effect is that of the reference server.
"""

import itertools
import random

import pytest

from gauntlet.core.history import Contact, Kind, ProbeResult, Relation
from gauntlet.reference_server.store import relations as server

from ..small_runs import SmallRun, ns

ACCOUNTS = (900_000, 900_001, 900_002, 900_003)
CHANGES = {
    Contact.REQUEST: "request",
    Contact.END: "part",
    Contact.BLOCK: "block",
    Contact.UNBLOCK: "unblock",
}
SHOWN = {
    "none": Relation(0),
    "barred": Relation(0),
    "friends": Relation.FRIEND,
    "incoming": Relation.INCOMING,
    "outgoing": Relation.OUTGOING,
    "blocked": Relation.BLOCKED,
}
LIST = None  # in place of what an account does


def played(seed, took_s, *, friends_only=False, unanswered=0.05):
    """Return a run of random requests; each has its effect at some time before its answer."""
    rng = random.Random(seed)
    run = SmallRun((1, 2))
    run.story.accounts = {account: f"b{account}" for account in ACCOUNTS}
    planned = []
    for at in range(150):
        pair = rng.sample(ACCOUNTS, 2)
        what = rng.choice([*CHANGES, Contact.SEND, LIST, LIST, LIST])
        asked = 1 + at / 8 + rng.random() / 9
        answered = asked + took_s * rng.random()
        planned.append((rng.uniform(asked, answered), asked, answered, pair, what))
    states = dict.fromkeys(itertools.combinations(ACCOUNTS, 2), 0)
    for _, asked, answered, (who, other), what in sorted(planned, key=lambda each: each[0]):
        known, side = (min(who, other), max(who, other)), int(who > other)
        fields = {"ref_ns": ns(asked), "peer": who, "sseq": other}
        state = states[known]
        if what is LIST:
            shown = SHOWN[server.relation(state, side)]
            run.add(Kind.CONTACT_LIST, answered, **fields, seq=shown)
            continue
        refused = bool(state & 12)
        if what == Contact.SEND:
            refused |= friends_only and state & 3 != 3
        else:
            change = server.CHANGES[CHANGES[what]](side)
            refused = bool(state & change.unless)
            states[known] = state if refused else (state & change.keep | change.put) & 15
        result = ProbeResult.REFUSED if refused else ProbeResult.GRANTED
        if rng.random() < unanswered:
            result = ProbeResult.UNKNOWN
        run.add(Kind.CONTACT, answered, **fields, seq=what, spare=result)
    return run


@pytest.mark.parametrize("friends_only", [False, True])
@pytest.mark.parametrize("took_s", [0.001, 0.5, 3])
@pytest.mark.parametrize("seed", range(5))
def test_correct_lists_and_refusals_are_no_violations(seed, took_s, friends_only):
    found = played(seed, took_s, friends_only=friends_only).verdict("contacts")
    assert [witness.sentence for witness in found.witnesses] == []


@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_list_among_them_is_found(seed):
    """Both want the friendship, and one of them is not shown it."""
    run = played(seed, 0.001, unanswered=0)
    assert run.verdict("contacts").count == 0
    one, two = ACCOUNTS[:2]
    at_s = 30
    for contact in (Contact.UNBLOCK, Contact.REQUEST):
        for who, other in ((one, two), (two, one)):
            at_s += 1
            known = {"ref_ns": ns(at_s), "peer": who, "sseq": other, "seq": contact}
            run.add(Kind.CONTACT, at_s + 0.1, **known, spare=ProbeResult.GRANTED)
    known = {"ref_ns": ns(36), "peer": two, "sseq": one}
    run.add(Kind.CONTACT_LIST, 36.1, **known, seq=Relation.OUTGOING)
    assert run.verdict("contacts").count == 1
