"""One edge's subscriptions: members receive everything, others nothing, whatever the bus does."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.reference_server.edge.subscriptions import Subscriptions

USERS = ("ann", "bob")
CONVS = ("r.x", "d.ann.bob")


WRITTEN: dict[ClientSocket, bytearray] = {}  # what was written to the sockets of a test


@pytest.fixture(autouse=True)
def no_sockets():
    """Forget the sockets of the last test."""
    WRITTEN.clear()


def make_socket(user: str, heads: dict[str, int] | None = None) -> ClientSocket:
    """Return a socket that records what is written to it."""
    core = Connection(f"e|1-{user}", ping_ms=1000, pong_ms=500, now_s=0.0)
    written = bytearray()
    transport = SimpleNamespace(write=written.extend, get_write_buffer_size=lambda: 0)
    ws = SimpleNamespace(transport=transport, protocol=SimpleNamespace(state=State.OPEN))
    socket = ClientSocket(core, ws, outbox_bytes=1 << 20)
    socket.user, WRITTEN[socket] = user, written
    if heads is not None:
        core.connected(heads)
    return socket


def frames(socket: ClientSocket) -> list[wire.ServerFrame]:
    """Return the frames that were written to a socket."""
    protocol = ClientProtocol(parse_uri("ws://edge"), state=State.OPEN)
    protocol.receive_data(bytes(WRITTEN[socket]))
    return [wire.decode_server(frame.data) for frame in protocol.events_received()]


def pushes(socket: ClientSocket, conv: str) -> list[int | tuple[int, int]]:
    """Return the positions pushed, and the gaps announced, of one conversation."""
    received = []
    for frame in frames(socket):
        push = frame.msg or frame.room
        if push and push.conv == conv:
            received.append(push.seq)
        if frame.gap and frame.gap.conv == conv:
            received.append((frame.gap.first, frame.gap.last))
    return received


def live(subscriptions: Subscriptions, user: str, heads: dict[str, int]) -> ClientSocket:
    """Return a subscribed socket."""
    socket = make_socket(user, heads)
    subscriptions.join(socket)
    subscriptions.subscribe(socket, heads)
    return socket


def message(conv: str, seq: int) -> Entry:
    """Return a message of Ann's."""
    return Entry(conv, seq, "msg", 0, f"m{seq}", f"c{seq}", "ann", "x")


def event(conv: str, seq: int, kind: str, user: str) -> Entry:
    """Return a room event."""
    return Entry(conv, seq, "room", 0, event=kind, user=user)


def test_all_sockets_of_all_members_are_pushed_in_order():
    """Several devices, and the sender as well; entries that arrive early wait for their turn."""
    subscriptions = Subscriptions(Metrics())
    sockets = [live(subscriptions, user, {"d.ann.bob": 2}) for user in ("ann", "bob", "bob")]
    subscriptions.on_batch(
        [message("d.ann.bob", 4), message("d.ann.bob", 3), message("d.ann.bob", 3)]
    )
    assert [pushes(socket, "d.ann.bob") for socket in sockets] == [[3, 4]] * 3


def test_a_socket_is_sent_a_gap_for_entries_that_arrived_while_its_heads_were_read():
    subscriptions = Subscriptions(Metrics())
    live(subscriptions, "ann", {"d.ann.bob": 0})
    late = make_socket("bob", {"d.ann.bob": 1})
    subscriptions.join(late)
    subscriptions.on_batch([message("d.ann.bob", seq) for seq in (1, 2, 3)])
    subscriptions.subscribe(late, {"d.ann.bob": 1})
    subscriptions.on_batch([message("d.ann.bob", 4)])
    assert pushes(late, "d.ann.bob") == [(2, 3), 4]


def test_an_entry_seen_before_the_first_local_member_makes_a_conversation_overdue():
    """What arrived before is read from SQL."""
    subscriptions = Subscriptions(Metrics())
    subscriptions.on_batch([message("r.x", 5)])
    live(subscriptions, "ann", {"r.x": 4})
    assert subscriptions.overdue(float("inf")) == {"r.x"}


def test_users_whose_membership_in_sql_differs_become_stale():
    """So the poll finds a lost `added` or `removed`; agreement costs nothing."""
    subscriptions = Subscriptions(Metrics())
    live(subscriptions, "ann", {"r.x": 4})
    live(subscriptions, "bob", {})
    subscriptions.note_members("r.x", ["ann", "elsewhere"])
    assert subscriptions.stale_users == set()
    subscriptions.note_members("r.x", ["bob"])
    assert subscriptions.stale_users == {"ann", "bob"}


def test_a_user_removed_while_the_heads_are_read_is_pushed_nothing():
    subscriptions = Subscriptions(Metrics())
    live(subscriptions, "ann", {"r.x": 2})
    bob = make_socket("bob", {"r.x": 2})
    subscriptions.join(bob)
    subscriptions.on_batch([event("r.x", 3, "removed", "bob")])
    subscriptions.subscribe(bob, {"r.x": 2})
    subscriptions.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []


def test_an_addition_older_than_a_skipped_removal_is_ignored():
    """Bob was removed before the heads were read, and the earlier addition arrives only now."""
    subscriptions = Subscriptions(Metrics())
    bob = make_socket("bob", {})
    subscriptions.join(bob)
    subscriptions.on_batch([event("r.x", 2, "added", "bob")])
    live(subscriptions, "ann", {"r.x": 3})
    subscriptions.subscribe(bob, {})
    subscriptions.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []


def test_a_removal_that_another_socket_skipped_is_looked_up():
    """Ann's heads are newer than Bob's, so a removal in between would not have arrived."""
    subscriptions = Subscriptions(Metrics())
    bob = make_socket("bob", {"r.x": 3})
    subscriptions.join(bob)
    live(subscriptions, "ann", {"r.x": 4})
    subscriptions.subscribe(bob, {"r.x": 3})
    subscriptions.on_batch([message("r.x", 5)])
    assert (pushes(bob, "r.x"), subscriptions.stale_users) == ([], {"bob"})
    subscriptions.join(bob)
    subscriptions.resubscribe(bob, {"r.x": 5})
    subscriptions.on_batch([message("r.x", 6)])
    assert pushes(bob, "r.x") == [(4, 5), 6], "the user had not been removed after all"


def test_membership_changes_count_by_position_not_by_arrival():
    subscriptions = Subscriptions(Metrics())
    bob = make_socket("bob", {})
    subscriptions.join(bob)
    subscriptions.on_batch([event("r.x", 3, "removed", "bob"), event("r.x", 2, "added", "bob")])
    subscriptions.subscribe(bob, {})
    subscriptions.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []
    assert subscriptions.find("r.x") is None, "no local user is a member"


def test_a_conversation_that_another_member_brings_is_announced_to_all_members():
    """It began after this socket's heads were read, and its first message was lost on the bus."""
    subscriptions = Subscriptions(Metrics())
    early, joining = live(subscriptions, "ann", {}), make_socket("ann", {})
    subscriptions.join(joining)
    live(subscriptions, "bob", {"d.ann.bob": 1})
    subscriptions.subscribe(joining, {})
    subscriptions.on_batch([message("d.ann.bob", 2)])
    assert pushes(early, "d.ann.bob") == pushes(joining, "d.ann.bob") == [(1, 1), 2]


def test_a_member_removed_and_added_again_in_one_batch_stays_subscribed():
    subscriptions = Subscriptions(Metrics())
    ann = live(subscriptions, "ann", {"r.x": 2})
    changes = [event("r.x", 4, "added", "ann"), event("r.x", 3, "removed", "ann")]
    subscriptions.on_batch([*changes, message("r.x", 5)])
    assert pushes(ann, "r.x") == [3, 4, 5]


def test_skipped_entries_make_members_stale_until_their_heads_are_read():
    """There may be a removal among the skipped entries."""
    subscriptions = Subscriptions(Metrics())
    ann = live(subscriptions, "ann", {"r.x": 2, "r.y": 1})
    subscriptions.skip_to(subscriptions.find("r.x"), 10)
    assert subscriptions.stale_users == {"ann"}
    subscriptions.on_batch([message("r.x", 10)])
    assert pushes(ann, "r.x") == [(3, 9)], "the user may have been removed in what was skipped"
    subscriptions.join(ann)
    subscriptions.resubscribe(ann, {"r.y": 1, "r.z": 7})
    subscriptions.on_batch([message("r.x", 10), message("r.y", 2), message("r.z", 8)])
    assert (pushes(ann, "r.x"), pushes(ann, "r.y")) == ([(3, 9)], [2])
    assert pushes(ann, "r.z") == [(1, 7), 8], "what lies before is read from history"


def test_a_user_whose_addition_another_socket_skipped_is_looked_up():
    """Ann's heads were read after Bob's addition was committed, and before the bus delivered it."""
    subscriptions = Subscriptions(Metrics())
    bob = live(subscriptions, "bob", {})
    live(subscriptions, "ann", {"r.x": 3})
    subscriptions.on_batch([event("r.x", 3, "added", "bob"), message("r.x", 4)])
    assert (pushes(bob, "r.x"), subscriptions.stale_users) == ([], {"bob"})
    subscriptions.join(bob)
    subscriptions.resubscribe(bob, {"r.x": 4})
    subscriptions.on_batch([message("r.x", 5)])
    assert pushes(bob, "r.x") == [(1, 4), 5]
    subscriptions.stale_users.clear()
    subscriptions.on_batch([event("r.x", 3, "added", "bob"), event("r.x", 1, "added", "eve")])
    assert subscriptions.stale_users == set(), "neither a subscribed user nor one who is not here"


def test_leaving_frees_everything_that_was_kept_for_a_socket():
    subscriptions = Subscriptions(Metrics())
    socket = live(subscriptions, "ann", {"r.x": 4, "d.ann.bob": 1})
    joining = make_socket("ann")
    subscriptions.join(joining)
    for each in (socket, joining):
        subscriptions.leave(each)
    assert not subscriptions._conversations
    assert not subscriptions._live
    assert not subscriptions._joining


class World:
    """A model of SQL, a lossy bus and one edge, stepped by Hypothesis."""

    def __init__(self) -> None:
        self.subscriptions = Subscriptions(Metrics())
        self.log: defaultdict[str, list[Entry]] = defaultdict(list)
        self.members: dict[str, set[str]] = {conv: set() for conv in CONVS}
        self.flying: list[Entry] = []
        self.joining: list[tuple[ClientSocket, dict[str, int]]] = []
        self.live: list[tuple[ClientSocket, dict[str, int]]] = []
        self.rereading: list[tuple[list[ClientSocket], dict[str, int]]] = []
        self.polled: list[tuple[dict[str, int], dict[str, set[str]]]] = []

    def heads(self, user: str) -> dict[str, int]:
        return {conv: len(self.log[conv]) for conv in CONVS if self.is_member(conv, user)}

    def is_member(self, conv: str, user: str) -> bool:
        return user in self.members[conv] if conv[0] == "r" else bool(self.log[conv])

    def commit(self, conv: str, kind: str, user: str) -> None:
        """Commit a message, or a membership change if it is possible."""
        seq = len(self.log[conv]) + 1
        entry = message(conv, seq)
        if conv[0] == "r" and kind != "msg":
            if (kind == "added") is (user in self.members[conv]):
                return
            entry = event(conv, seq, kind, user)
            self.members[conv] ^= {user}
        self.log[conv].append(entry)
        self.flying.append(entry)

    def step(self, kind: str, conv: str, user: str, number: int) -> None:
        """Execute one step of the model."""
        if kind in {"msg", "added", "removed"}:
            self.commit(conv, kind, user)
        elif kind in {"receive", "lose", "repeat"} and self.flying:
            entry = self.flying[number % len(self.flying)]
            if kind != "repeat":
                self.flying.remove(entry)
            if kind != "lose":
                self.subscriptions.on_batch([entry])
        elif kind == "repair":
            self.repair(conv)
        else:
            self.step_socket(kind, user, number)

    def step_socket(self, kind: str, user: str, number: int) -> None:
        """Execute one step that concerns sockets or the heads poll."""
        if kind == "join":
            socket = make_socket(user)
            self.subscriptions.join(socket)
            heads = self.heads(user)
            socket.core.connected(heads)
            self.joining.append((socket, heads))
        elif kind == "subscribe" and self.joining:
            socket, heads = self.joining.pop(number % len(self.joining))
            self.subscriptions.subscribe(socket, heads)
            self.live.append((socket, heads))
        elif kind == "leave" and self.live:
            self.subscriptions.leave(self.live.pop(number % len(self.live))[0])
        elif kind == "poll":
            heads = {conv: len(entries) for conv, entries in self.log.items() if entries}
            self.polled.append((heads, {c: set(m) for c, m in self.members.items() if c in heads}))
        elif kind == "polled" and self.polled:
            self.apply_poll(*self.polled.pop(0))
        elif kind == "reread":
            self.begin_rereading(user)
        elif kind == "reread-answer" and self.rereading:
            self.end_rereading(*self.rereading.pop(0))

    def apply_poll(self, heads: dict[str, int], members: dict[str, set[str]]) -> None:
        for conv, head in heads.items():
            self.subscriptions.note_head(conv, head)
        for conv, named in members.items():
            self.subscriptions.note_members(conv, named)

    def begin_rereading(self, user: str) -> None:
        sockets = self.subscriptions.sockets_of(user)
        if user in self.subscriptions.stale_users and not any(
            socket in sockets for reread, _ in self.rereading for socket in reread
        ):
            for socket in sockets:
                self.subscriptions.join(socket)
            self.rereading.append((sockets, self.heads(user)))

    def end_rereading(self, sockets: list[ClientSocket], heads: dict[str, int]) -> None:
        for socket in sockets:
            self.subscriptions.stale_users.discard(socket.user)
        for socket in sockets:
            if any(socket is live_socket for live_socket, _ in self.live):
                self.subscriptions.resubscribe(socket, heads)

    def repair(self, conv: str) -> None:
        conversation = self.subscriptions.find(conv)
        if conversation and conversation.is_behind:
            # A short page, so that skipping the entries after it is exercised too.
            page = self.log[conv][conversation.next_seq - 1 :][:3]
            head = len(self.log[conv])
            self.subscriptions.on_batch(page)
            if conversation.next_seq <= head:
                self.subscriptions.skip_to(conversation, head + 1)

    def settle(self) -> None:
        """Run what the loops of an edge do when nothing else happens."""
        while self.joining:
            self.step("subscribe", "", "", 0)
        for answer in (*self.rereading,):
            self.end_rereading(*answer)
        self.rereading.clear()
        for _ in range(3):
            self.step("poll", "", "", 0)
            while self.polled:
                self.apply_poll(*self.polled.pop(0))
            for conv in CONVS:
                self.repair(conv)
            for user in USERS:
                self.begin_rereading(user)
                for answer in (*self.rereading,):
                    self.end_rereading(*answer)
                self.rereading.clear()


KINDS = (
    *("msg", "msg", "msg", "added", "added", "removed"),
    *("receive", "receive", "receive", "receive", "lose", "repeat", "repair"),
    *("join", "subscribe", "subscribe", "leave"),
    *("poll", "polled", "reread", "reread-answer"),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(USERS), st.integers(0, 3)),
    min_size=10,
    max_size=60,
)


def entitled(log: list[Entry], user: str) -> set[int]:
    """Return the positions of a room that a user may see: from each `added` to its `removed`."""
    seen, member = set(), False
    for entry in log:
        if entry.user == user and entry.event == "added":
            member = True
        if member:
            seen.add(entry.seq)
        if entry.user == user and entry.event == "removed":
            member = False
    return seen


def assert_continuous(received: list[int | tuple[int, int]], head: int | None) -> None:
    """Check that every position after the head (or from the first on) was received once."""
    next_seq = None if head is None else head + 1
    for item in received:
        first, last = (item, item) if isinstance(item, int) else item
        assert first == (first if next_seq is None else next_seq)
        next_seq = last + 1


@settings(max_examples=settings.default.max_examples * 3 // 2)
@pytest.mark.parametrize("conv", CONVS)
@given(steps=STEPS)
def test_members_receive_everything_and_others_nothing(conv, steps):
    """Over loss, repetition, reordering, joins, removals, stale polls and short pages.

    Each live socket receives everything after its `connected`, in order, as a push or a gap, and
    never anything that its user may not see.
    """
    world = World()
    for kind, user, number in steps:
        world.step(kind, conv, user, number)
    world.settle()
    for socket, heads in world.live:
        received = pushes(socket, conv)
        pushed = {item for item in received if isinstance(item, int)}
        assert_continuous(received, heads.get(conv))
        if conv[0] == "r":
            assert pushed <= entitled(world.log[conv], socket.user)
        if world.is_member(conv, socket.user):
            ends = [item if isinstance(item, int) else item[1] for item in received]
            assert max([heads.get(conv, 0), *ends]) == len(world.log[conv])
