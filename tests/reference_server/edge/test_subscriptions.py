"""One edge's fan-out: whatever the bus does, members are told everything, others nothing."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.protocol import State

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge import client_socket, subscriptions
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.reference_server.edge.subscriptions import Subscriptions

USERS = ("ann", "bob")
CONVS = ("r.x", "d.ann.bob")


@pytest.fixture(autouse=True, scope="module")
def plain_frames():
    """Frames as lines of JSON, so that what was written can be read back."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (subscriptions, client_socket):
            patch.setattr(module, "text_frame", lambda payload: payload + b"\n")
        yield


class RecordingSocket(ClientSocket):
    """Has a place for what was written to it."""


def make_socket(user: str, heads: dict[str, int] | None = None) -> ClientSocket:
    """A socket that remembers what was written to it."""
    core = Connection(f"e|1-{user}", ping_ms=1000, pong_ms=500, now_s=0.0)
    written = bytearray()
    transport = SimpleNamespace(write=written.extend, get_write_buffer_size=lambda: 0)
    ws = SimpleNamespace(transport=transport, protocol=SimpleNamespace(state=State.OPEN))
    socket = RecordingSocket(core, ws, outbox_bytes=1 << 20)
    socket.user, socket.written = user, written
    if heads is not None:
        core.connected(heads)
    return socket


def frames(socket: ClientSocket) -> list[wire.ServerFrame]:
    """Everything written to a socket."""
    return [wire.decode_server(line) for line in bytes(socket.written).splitlines()]


def pushes(socket: ClientSocket, conv: str) -> list[int | tuple[int, int]]:
    """The positions pushed, and the gaps announced, of one conversation."""
    told = []
    for frame in frames(socket):
        push = frame.msg or frame.room
        if push and push.conv == conv:
            told.append(push.seq)
        if frame.gap and frame.gap.conv == conv:
            told.append((frame.gap.first, frame.gap.last))
    return told


def live(fanout: Subscriptions, user: str, heads: dict[str, int]) -> ClientSocket:
    """A subscribed socket."""
    socket = make_socket(user, heads)
    fanout.join(socket)
    fanout.subscribe(socket, heads)
    return socket


def message(conv: str, seq: int) -> Entry:
    """A message of Ann's."""
    return Entry(conv, seq, "msg", 0, f"m{seq}", f"c{seq}", "ann", "x")


def event(conv: str, seq: int, kind: str, user: str) -> Entry:
    """A room event."""
    return Entry(conv, seq, "room", 0, event=kind, user=user)


def test_all_sockets_of_all_members_are_pushed_in_order():
    """Several devices, the sender's own too; what overtook on the bus waits."""
    fanout = Subscriptions(Metrics())
    sockets = [live(fanout, user, {"d.ann.bob": 2}) for user in ("ann", "bob", "bob")]
    fanout.on_batch([message("d.ann.bob", 4), message("d.ann.bob", 3), message("d.ann.bob", 3)])
    assert [pushes(socket, "d.ann.bob") for socket in sockets] == [[3, 4]] * 3


def test_a_socket_that_joined_late_is_told_what_others_were_pushed_before():
    """Entries that passed while its heads were on their way are announced, not lost."""
    fanout = Subscriptions(Metrics())
    live(fanout, "ann", {"d.ann.bob": 0})
    late = make_socket("bob", {"d.ann.bob": 1})
    fanout.join(late)
    fanout.on_batch([message("d.ann.bob", seq) for seq in (1, 2, 3)])
    fanout.subscribe(late, {"d.ann.bob": 1})
    fanout.on_batch([message("d.ann.bob", 4)])
    assert pushes(late, "d.ann.bob") == [(2, 3), 4]


def test_an_unknown_head_seen_earlier_makes_a_new_conversation_suspect():
    """What passed by before the first local member came is read from SQL."""
    fanout = Subscriptions(Metrics())
    fanout.on_batch([message("r.x", 5)])
    live(fanout, "ann", {"r.x": 4})
    assert fanout.overdue(float("inf")) == {"r.x"}


def test_members_that_sql_names_and_the_edge_does_not_know_are_doubtful():
    """A lost `added` or `removed` is found by the poll; agreement costs nothing."""
    fanout = Subscriptions(Metrics())
    live(fanout, "ann", {"r.x": 4})
    live(fanout, "bob", {})
    fanout.note_members("r.x", ["ann", "elsewhere"])
    assert fanout.stale_users == set()
    fanout.note_members("r.x", ["bob"])
    assert fanout.stale_users == {"ann", "bob"}


def test_a_removal_while_heads_are_on_their_way_counts():
    """Who was a member when his heads were read, and is none any more, is pushed nothing."""
    fanout = Subscriptions(Metrics())
    live(fanout, "ann", {"r.x": 2})
    bob = make_socket("bob", {"r.x": 2})
    fanout.join(bob)
    fanout.on_batch([event("r.x", 3, "removed", "bob")])
    fanout.subscribe(bob, {"r.x": 2})
    fanout.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []


def test_an_addition_that_is_older_than_a_skipped_removal_counts_for_nothing():
    """Bob was put out before his heads were read; that he had been put in is heard only now."""
    fanout = Subscriptions(Metrics())
    bob = make_socket("bob", {})
    fanout.join(bob)
    fanout.on_batch([event("r.x", 2, "added", "bob")])
    live(fanout, "ann", {"r.x": 3})
    fanout.subscribe(bob, {})
    fanout.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []


def test_a_removal_that_another_socket_skipped_is_looked_for():
    """Ann's heads are newer than Bob's: what lies between never came by, so his are read again."""
    fanout = Subscriptions(Metrics())
    bob = make_socket("bob", {"r.x": 3})
    fanout.join(bob)
    live(fanout, "ann", {"r.x": 4})
    fanout.subscribe(bob, {"r.x": 3})
    fanout.on_batch([message("r.x", 5)])
    assert (pushes(bob, "r.x"), fanout.stale_users) == ([], {"bob"})
    fanout.join(bob)
    fanout.resubscribe(bob, {"r.x": 5})
    fanout.on_batch([message("r.x", 6)])
    assert pushes(bob, "r.x") == [(4, 5), 6], "he had not been put out after all"


def test_changes_count_by_their_place_and_not_as_they_come():
    """An addition that is heard after the removal that followed it changes nothing."""
    fanout = Subscriptions(Metrics())
    bob = make_socket("bob", {})
    fanout.join(bob)
    fanout.on_batch([event("r.x", 3, "removed", "bob"), event("r.x", 2, "added", "bob")])
    fanout.subscribe(bob, {})
    fanout.on_batch([message("r.x", 4)])
    assert pushes(bob, "r.x") == []
    assert fanout.find("r.x") is None, "nobody here is a member"


def test_a_conversation_that_another_brings_is_told_to_all_its_members():
    """It began after this one's heads were read, and its first message was lost on the bus."""
    fanout = Subscriptions(Metrics())
    early, joining = live(fanout, "ann", {}), make_socket("ann", {})
    fanout.join(joining)
    live(fanout, "bob", {"d.ann.bob": 1})
    fanout.subscribe(joining, {})
    fanout.on_batch([message("d.ann.bob", 2)])
    assert pushes(early, "d.ann.bob") == pushes(joining, "d.ann.bob") == [(1, 1), 2]


def test_removed_and_added_again_in_one_go():
    """The last local member leaves and returns within entries that become ready together."""
    fanout = Subscriptions(Metrics())
    ann = live(fanout, "ann", {"r.x": 2})
    changes = [event("r.x", 4, "added", "ann"), event("r.x", 3, "removed", "ann")]
    fanout.on_batch([*changes, message("r.x", 5)])
    assert pushes(ann, "r.x") == [3, 4, 5]


def test_what_is_skipped_makes_members_doubtful_and_heads_set_them_right():
    """A removal among skipped entries is found by reading the member's heads again."""
    fanout = Subscriptions(Metrics())
    ann = live(fanout, "ann", {"r.x": 2, "r.y": 1})
    fanout.skip_to(fanout.find("r.x"), 10)
    assert fanout.stale_users == {"ann"}
    fanout.on_batch([message("r.x", 10)])
    assert pushes(ann, "r.x") == [(3, 9)], "he may have been put out in what was skipped"
    fanout.join(ann)
    fanout.resubscribe(ann, {"r.y": 1, "r.z": 7})
    fanout.on_batch([message("r.x", 10), message("r.y", 2), message("r.z", 8)])
    assert (pushes(ann, "r.x"), pushes(ann, "r.y")) == ([(3, 9)], [2])
    assert pushes(ann, "r.z") == [(1, 7), 8], "what lies before is read from history"


def test_leaving_frees_what_was_kept():
    """An edge does not remember conversations without local members, nor their users."""
    fanout = Subscriptions(Metrics())
    socket = live(fanout, "ann", {"r.x": 4, "d.ann.bob": 1})
    joining = make_socket("ann")
    fanout.join(joining)
    for one in (socket, joining):
        fanout.leave(one)
    assert not fanout._conversations
    assert not fanout._live
    assert not fanout._joining


class World:
    """SQL, a lossy bus and one edge, stepped by hypothesis."""

    def __init__(self) -> None:
        self.fanout = Subscriptions(Metrics())
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
        """A message, or the change of a membership that can be changed."""
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
        """One thing that can happen."""
        if kind in {"msg", "added", "removed"}:
            self.commit(conv, kind, user)
        elif kind in {"hear", "lose", "repeat"} and self.flying:
            entry = self.flying[number % len(self.flying)]
            if kind != "repeat":
                self.flying.remove(entry)
            if kind != "lose":
                self.fanout.on_batch([entry])
        elif kind == "repair":
            self.repair(conv)
        else:
            self.step_socket(kind, user, number)

    def step_socket(self, kind: str, user: str, number: int) -> None:
        """One thing that can happen to sockets, or because of the heads poll."""
        if kind == "join":
            socket = make_socket(user)
            self.fanout.join(socket)
            heads = self.heads(user)
            socket.core.connected(heads)
            self.joining.append((socket, heads))
        elif kind == "subscribe" and self.joining:
            socket, heads = self.joining.pop(number % len(self.joining))
            self.fanout.subscribe(socket, heads)
            self.live.append((socket, heads))
        elif kind == "leave" and self.live:
            self.fanout.leave(self.live.pop(number % len(self.live))[0])
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
            self.fanout.note_head(conv, head)
        for conv, named in members.items():
            self.fanout.note_members(conv, named)

    def begin_rereading(self, user: str) -> None:
        sockets = self.fanout.sockets_of(user)
        if user in self.fanout.stale_users and not any(
            s in sockets for ss, _ in self.rereading for s in ss
        ):
            for socket in sockets:
                self.fanout.join(socket)
            self.rereading.append((sockets, self.heads(user)))

    def end_rereading(self, sockets: list[ClientSocket], heads: dict[str, int]) -> None:
        for socket in sockets:
            self.fanout.stale_users.discard(socket.user)
        for socket in sockets:
            if any(socket is one for one, _ in self.live):
                self.fanout.resubscribe(socket, heads)

    def repair(self, conv: str) -> None:
        conversation = self.fanout.find(conv)
        if conversation and conversation.is_behind:
            # A short page, so that skipping what lies behind it is exercised too.
            page = self.log[conv][conversation.next_seq - 1 :][:3]
            head = len(self.log[conv])
            self.fanout.on_batch(page)
            if conversation.next_seq <= head:
                self.fanout.skip_to(conversation, head + 1)

    def settle(self) -> None:
        """What the loops of an edge do when nothing happens any more."""
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
    *("hear", "hear", "hear", "hear", "lose", "repeat", "repair"),
    *("join", "subscribe", "subscribe", "leave"),
    *("poll", "polled", "reread", "reread-answer"),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(USERS), st.integers(0, 3)),
    min_size=10,
    max_size=60,
)


def entitled(log: list[Entry], user: str) -> set[int]:
    """The positions of a room that a user may see: from each `added` to its `removed`."""
    seen, member = set(), False
    for entry in log:
        if entry.user == user and entry.event == "added":
            member = True
        if member:
            seen.add(entry.seq)
        if entry.user == user and entry.event == "removed":
            member = False
    return seen


def assert_continuous(told: list[int | tuple[int, int]], head: int | None) -> None:
    """Every position after the head is pushed or in a gap, once; without a head, from the first."""
    next_seq = None if head is None else head + 1
    for one in told:
        first, last = (one, one) if isinstance(one, int) else one
        assert first == (first if next_seq is None else next_seq)
        next_seq = last + 1


@settings(max_examples=150)
@pytest.mark.parametrize("conv", CONVS)
@given(steps=STEPS)
def test_members_are_told_everything_and_others_nothing(conv, steps):
    """Over loss, repetition, reordering, joins, removals, stale polls and short pages.

    Each live socket is pushed, in order, or told of a gap, all that is after its `connected`,
    and never pushed what its user may not see.
    """
    world = World()
    for kind, user, number in steps:
        world.step(kind, conv, user, number)
    world.settle()
    for socket, heads in world.live:
        told = pushes(socket, conv)
        pushed = {one for one in told if isinstance(one, int)}
        assert_continuous(told, heads.get(conv))
        if conv[0] == "r":
            assert pushed <= entitled(world.log[conv], socket.user)
        if world.is_member(conv, socket.user):
            ends = [one if isinstance(one, int) else one[1] for one in told]
            assert max([heads.get(conv, 0), *ends]) == len(world.log[conv])
