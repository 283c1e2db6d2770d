"""Which orders of messages contradict each other, compared with the definition."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from gauntlet.core.history import Channel, Kind, PageFlag
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks import _order_cycles
from gauntlet.reports.checks._listings import FIRST_PAGE
from gauntlet.reports.history.arrays import NEVER

from ..small_runs import SmallRun

DIRECTED = PageFlag.ENTRIES | PageFlag.OLDEST_FIRST


def last_before(rows, sent):
    """Return what `_last_before` must, from (reading, time) of presentations and sends."""
    return [
        max(
            (
                at
                for at, (own, shown_ns) in enumerate(rows)
                if own == reading and shown_ns < sent_ns
            ),
            default=-1,
        )
        for reading, sent_ns in sent
    ]


def columns(rows):
    return (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))


@pytest.mark.parametrize(("since_ns", "spread"), [(0, 4), (0, 1 << 40), (0, 1 << 61), (1 << 61, 4)])
@pytest.mark.parametrize("seed", range(5))
def test_what_came_in_the_moment_of_the_attempt_was_not_known_before(seed, since_ns, spread):
    random = np.random.default_rng(seed)
    times = [since_ns + after_ns for after_ns in (0, 1, spread // 2, spread - 1, spread)]
    rows = sorted((int(random.integers(0, 4)), int(random.choice(times))) for _ in range(30))
    sent = [(reading, t_ns) for reading in range(-1, 5) for t_ns in (*times, NEVER)]
    found = _order_cycles._last_before(*columns(rows), *columns(sent))
    assert found.tolist() == last_before(rows, sent)


@pytest.mark.parametrize(
    ("times_ns", "expected"),
    [
        ([5, 5, 7, 9], [0, 2, 1, 3]),
        ([5, 4, 9, 7], [2, 0, 3, 1]),
        ([5, 5, 5, 5], [0, 2, 1, 3]),
        ([5, 6, 9, 7], [0, 2, 3, 1]),
    ],
)
def test_presentations_are_in_the_order_of_time_however_they_are_recorded(times_ns, expected):
    """Their indices are 0 and 2 in the first reading, 1 and 3 in the second."""
    readings = _order_cycles._Readings(
        at=np.array([0, 2, 1, 3]), number=np.array([0, 0, 1, 1]), keys=np.array([6, 9])
    )
    found, shown_ns = _order_cycles._by_time(readings, np.array(times_ns))
    assert found.tolist() == expected
    assert shown_ns.tolist() == [*sorted(times_ns[:2]), *sorted(times_ns[2:])]


class Talk:
    """A random run, and what its orders show by definition.

    A message is (conversation, author, number), and a reader is a user, or a page with its number.
    """

    def __init__(self, random, *, echo, pages):
        self.run = SmallRun((1, 2, 3, 4), (1, 2, 3, 4))
        self.run.without = "" if echo else SELF_ECHO
        self.shown = {user: [] for user in (1, 2, 3, 4)}  # (second, message, is pushed)
        self.turns = {}  # how many (user, message) had been shown before each
        self.directed, self.apart = [], []  # messages of pages
        self.sent = {}
        for conv in (1, 2):
            for number in range(1, random.randint(2, 5)):
                author, at_s = random.randint(1, 4), random.randint(10, 20)
                self.run.send(conv, 0, at_s, author=author, sseq=number, took_s=9)
                self.sent[conv, author, number] = at_s
        events = [(random.randint(10, 24) + 0.5, "push") for _ in range(random.randint(2, 16))]
        events += [(random.randint(10, 24) + 0.25, "page") for _ in range(pages)]
        for at_s, kind in sorted(events):
            user = random.randint(1, 4)
            if kind == "push":
                self._push(user, at_s, random.choice([*self.sent]))
            else:
                conv = random.randint(1, 2)
                own = [message for message in self.sent if message[0] == conv]
                listed = random.sample(own, random.randint(len(own) // 2, len(own)))
                self._read(user, at_s, listed, random.random() < 0.6)

    def _push(self, user, at_s, message, flags=Channel.LIVE):
        conv, author, number = message
        self.run.deliver(conv, number, at_s, user, author=author, seq=0, flags=flags)
        if message not in [known for _, known, _ in self.shown[user]]:
            self.shown[user].append((at_s, message, flags == Channel.LIVE))
            self.turns[user, message] = len(self.turns)

    def _read(self, user, at_s, messages, has_direction):
        flags = DIRECTED if has_direction else PageFlag.ENTRIES
        if messages:
            known = {"conv": messages[0][0], "link": user, "peer": len(messages)}
            self.run.add(Kind.PAGE, at_s, **known, spare=flags)
        for message in messages:
            self._push(user, at_s, message, Channel.HISTORY)
        if len(messages) > 1:
            (self.directed if has_direction else self.apart).append(messages)

    def answered(self):
        """Return the pairs of a message and what its author had been shown last before it."""
        found = set()
        for message, sent_s in self.sent.items():
            conv, author, _ = message
            before = [
                (at_s, order)
                for order, (at_s, shown, _) in enumerate(self.shown[author])
                if shown[0] == conv and at_s < sent_s
            ]
            if before:
                found.add((self.shown[author][max(before)[1]][1], message))
        return found

    def comparable(self):
        """Return the pages that are compared with what was pushed."""
        if not self.run.without:
            return self.directed
        return [
            page
            for page in self.directed
            if any(
                reply in page and earlier in page and page.index(reply) < page.index(earlier)
                for earlier, reply in self.answered()
            )
        ]

    def delivered(self):
        """Return the pairs of messages that a reader was shown one after the other."""
        pushed = [
            [message for _, message, is_pushed in shown if is_pushed and message[0] == conv]
            for shown in self.shown.values()
            for conv in (1, 2)
        ]
        return {pair for order in (*pushed, *self.comparable()) for pair in pairwise(order)}

    def readers(self):
        """Return what each reader was shown, in order: users first, and then directed pages."""
        pushed = [
            [message for _, message, is_pushed in shown if is_pushed]
            for shown in self.shown.values()
        ]
        return [*pushed, *self.directed]


def contradicting(edges):
    """Return the sets of messages that come before each other."""
    before = {}
    for earlier, later in edges:
        before.setdefault(earlier, set()).add(later)
    behind = {}
    for start in before:
        known, new = set(), {start}
        while new:
            new = {later for each in new for later in before.get(each, ())} - known
            known |= new
        behind[start] = known
    cycles = (
        frozenset(other for other in found if start in behind.get(other, ()))
        for start, found in behind.items()
    )
    return {cycle for cycle in cycles if len(cycle) > 1}


def expected_explanation(talk, cycle):
    """Return what explains a cycle: the first reply of it that overtook what it answers.

    Of the readers who saw that, it is the user who was shown the reply first, or else a page.
    """
    inside = [pair for pair in sorted(talk.answered()) if cycle.issuperset(pair)]
    overtaken = [
        (earlier, reply, number)
        for earlier, reply in inside
        for number, shown in enumerate(talk.readers())
        if earlier in shown and reply in shown and shown.index(reply) < shown.index(earlier)
    ]
    if overtaken:
        first = [each for each in overtaken if each[:2] == overtaken[0][:2]]
        return min(first, key=lambda each: talk.turns.get((each[2] + 1, each[1]), len(talk.turns)))
    if any(known <= cycle for known in contradicting(talk.delivered())):
        return None
    return (*inside[0], -1) if inside else None


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("pages", [0, 3])
def test_contradictions_are_those_of_the_definition(echo, pages):
    kinds = set()
    for number in range(60):
        talk = Talk(Random(number), echo=echo, pages=pages)
        history = talk.run.history()
        messages = history.messages
        columns = messages.conv.tolist(), messages.author.tolist(), messages.sseq.tolist()
        titles = list(zip(*columns, strict=True))
        found = _order_cycles.find_cycles(history)
        delivered, answered = talk.delivered(), talk.answered()
        together, apart = contradicting(delivered | answered), set()
        compared = len(delivered)
        if echo:
            neighbours = {pair for page in talk.apart for pair in pairwise(page)}
            apart, compared = contradicting(neighbours), compared + len(neighbours)
        assert (found.delivered, found.answered) == (compared, len(answered))
        sets = [frozenset(titles[each] for each in cycle.messages) for cycle in found.cycles]
        assert all(cycle.messages == sorted(cycle.messages) for cycle in found.cycles)
        assert set(sets[: len(together)]) == together
        assert set(sets[len(together) :]) == apart
        assert len(sets) == len(together) + len(apart)
        pages_at = {
            FIRST_PAGE + at: len(talk.shown) + number
            for number, at in enumerate(directed_pages(history))
        }
        for cycle, own in list(zip(found.cycles, sets, strict=True))[: len(together)]:
            named = cycle.overtaken
            if named is not None:
                reader = pages_at.get(named.reader, named.reader)
                if reader in range(len(talk.shown)):
                    reader = history.names.sessions[reader][0] - 1
                named = (titles[named.earlier], titles[named.reply], reader)
            assert named == expected_explanation(talk, own)
            kinds.add("none" if named is None else "implied" if named[2] == -1 else "overtaken")
        assert all(cycle.overtaken is None for cycle in found.cycles[len(together) :])
    assert kinds >= {"none", "overtaken"}


def directed_pages(history):
    """Return the records of the pages that certainly have the oldest of several messages first."""
    records = history.records
    is_page = (records["kind"] == Kind.PAGE) & (records["peer"] > 1)
    return np.flatnonzero(is_page & (records["spare"] & DIRECTED == DIRECTED)).tolist()


@pytest.mark.parametrize(("sent", "shown"), [(0, 0), (0, 2), (2, 0)])
def test_without_messages_that_were_sent_or_shown_there_are_no_answers(sent, shown):
    run = SmallRun((1, 2))
    for number in range(1, sent + 1):
        run.send(1, 0, 9 + number, sseq=number)
    for number in range(1, shown + 1):
        run.deliver(1, number, 9.2 + number, 2, seq=0)
    found = _order_cycles.find_cycles(run.history())
    assert found == (max(shown - 1, 0), 0, [])
