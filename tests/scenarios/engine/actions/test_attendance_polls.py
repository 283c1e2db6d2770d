"""Who is in a room is read once a second of one room, and between of the others, by a member."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import Attendance, Kind
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.adapters.base import Immediate, ProtocolError
from gauntlet.scenarios.engine.actions import attendance_polls
from gauntlet.scenarios.engine.actions.attendance_polls import AttendancePolls, choose_room
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, OfflinePeriod, RoomAbsence

from ...world import ANN, BOB, ROOM
from .fake_member import FakeMember


def traffic(users=9, size=3, **share):
    """Return the traffic of rooms."""
    load = {"users": users, "ramp": "2s", "steady": "4s", "workload": {"group": {"size": size}}}
    load["workload"]["group"] |= share
    return Traffic(from_builtins({"version": 1, "name": "x", "about": "x", "load": load}), Stripe())


def test_the_room_with_most_changes_is_read():
    made = traffic()
    first, second, third = made.conversations.values()
    assert choose_room(made) is first
    made.room_absences += [RoomAbsence(user, third.name, 0, 1) for user in third.members]
    assert choose_room(made) is third
    made.offline_periods += [OfflinePeriod(user, 0, 1) for user in second.members * 2]
    assert choose_room(made) is second


def test_a_room_with_more_than_100_members_is_not_read():
    assert choose_room(traffic(101, 101)) is None
    assert choose_room(traffic(100, 100)) is not None


class FakeSession(FakeMember):
    """A member who asks who is in a room."""

    def attendance(self, conv):
        return Immediate(value=(conv, self.user.name, self._answers.pop(0)))


@pytest.fixture
def bench(world, monkeypatch):
    """The polls of the room of Ann and Bob, in a load with 4 s of ramp and 3 s of arrivals."""
    answers, asked, tasks = [], [], []
    sessions = {user.number: FakeSession(user, answers) for user in (ANN, BOB)}

    async def call_and_wait(_transport, _channel, _gateway, call, _timeout_s):
        conv, user, answer = call.value
        asked.append((world.time_ns // NS_PER_MS, conv, user))
        world.time_ns += 7 * NS_PER_MS
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = []
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("gauntlet.scenarios.engine.answers.call_and_wait", call_and_wait)
    monkeypatch.setattr(attendance_polls, "choose_room", lambda _traffic: ROOM)
    monkeypatch.setattr(attendance_polls, "readable_rooms", lambda traffic: traffic)
    load = SimpleNamespace(ramp=4.0, steady=3.0)
    plan = SimpleNamespace(
        load=SimpleNamespace(scenario=SimpleNamespace(load=load)),
        adapter=world.context.adapter,
        traffic=[ROOM],
    )
    transport = SimpleNamespace(spawn=lambda job: tasks.append(asyncio.ensure_future(job)))

    async def pass_s(seconds):
        for _ in range(round(seconds * 100)):
            world.pass_ms(10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    made = AttendancePolls(plan, world.context, transport, sessions)
    return SimpleNamespace(polls=made, answers=answers, asked=asked, pass_s=pass_s, plan=plan,
                           sessions=sessions, tasks=tasks, transport=transport)  # fmt: skip


def begin(bench):
    """Begin as the engine does, for both devices of the first member."""
    ((offset_ns, user, action),) = bench.polls.scheduled_actions()
    assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
    action(bench.sessions[ANN.number])
    action(bench.sessions[ANN.number])


async def test_the_list_is_read_once_a_second_while_the_load_runs(world, bench):
    bench.answers += [[ANN.name], [BOB.name, "somebody"], []]
    begin(bench)
    began_ms = world.time_ns // NS_PER_MS
    await bench.pass_s(6)
    times = [at_ms - began_ms for at_ms, _, _ in bench.asked]
    assert len(times) == 3
    assert all(
        abs(at - expected) <= 30 for at, expected in zip(times, (0, 1000, 2000), strict=True)
    )
    assert {(conv, user) for _, conv, user in bench.asked} == {(ROOM.name, ANN.name)}
    said = [(kept.fields["peer"], kept.fields["sseq"]) for kept in world.kinds(Kind.ATTENDANCE)]
    absent, present = Attendance.ABSENT, Attendance.PRESENT
    assert said == [(1, present), (2, absent), (1, absent), (2, present), (1, absent), (2, absent)]


async def test_the_other_rooms_are_read_in_turn_between(world, bench):
    others = [Conversation(number, f"r.{number}", "group", (1, 2)) for number in (7, 8)]
    bench.plan.traffic = [others[0], ROOM, others[1]]
    bench.polls = AttendancePolls(bench.plan, world.context, bench.transport, bench.sessions)
    bench.answers += [[] for _ in range(6)]
    begin(bench)
    began_ms = world.time_ns // NS_PER_MS
    await bench.pass_s(6)
    read = [conv for _, conv, _ in bench.asked]
    assert read == [ROOM.name, "r.7", ROOM.name, "r.8", ROOM.name, "r.7"]
    times = [at_ms - began_ms for at_ms, _, _ in bench.asked]
    assert all(abs(at - 500 * number) <= 60 for number, at in enumerate(times))
    convs = [kept.fields["conv"] for kept in world.kinds(Kind.ATTENDANCE)]
    assert convs == [2, 2, 7, 7, 2, 2, 8, 8, 2, 2, 7, 7]


async def test_a_record_has_the_times_of_the_request_and_of_the_answer(world, bench):
    bench.answers += [[ANN.name]]
    begin(bench)
    asked_ns = world.time_ns
    await bench.tasks[0]
    first, _ = world.kinds(Kind.ATTENDANCE)
    assert first.t_ns == asked_ns + 7 * NS_PER_MS
    assert first.fields == {
        "ref_ns": asked_ns, "conv": ROOM.number, "link": 11, "peer": ANN.number,
        "sseq": Attendance.PRESENT,
    }  # fmt: skip


async def test_a_member_who_is_connected_reads(world, bench):
    bench.answers += [[], []]
    bench.sessions[ANN.number].connected = False
    begin(bench)
    await bench.pass_s(0.5)
    bench.sessions[BOB.number].member = False
    await bench.pass_s(1)
    assert [user for _, _, user in bench.asked] == [BOB.name]
    bench.sessions[ANN.number].connected = True
    await bench.pass_s(1)
    assert [user for _, _, user in bench.asked] == [BOB.name, ANN.name]


async def test_a_poll_is_left_out_while_the_one_before_it_waits(bench):
    waiting = asyncio.Event()
    bench.answers += [waiting, []]
    begin(bench)
    await bench.pass_s(1.5)
    assert len(bench.asked) == 1
    waiting.set()
    await bench.pass_s(1)
    assert len(bench.asked) == 2


@pytest.mark.parametrize("answer", [ProtocolError("503"), "ann", {"ann": 1}, [1]])
async def test_what_is_no_list_of_names_leaves_no_record(world, bench, answer):
    bench.answers += [answer, [ANN.name]]
    begin(bench)
    await bench.pass_s(0.5)
    assert world.kinds(Kind.ATTENDANCE) == []
    await bench.pass_s(1)
    assert len(world.kinds(Kind.ATTENDANCE)) == 2


async def test_an_exception_of_the_adapter_is_counted(world, bench):
    error = KeyError("present")
    bench.answers += [error]
    begin(bench)
    await bench.pass_s(0.5)
    assert bench.sessions[ANN.number].errors == [error]
    assert world.kinds(Kind.ATTENDANCE) == []


def test_a_system_without_such_a_list_is_not_asked(world, bench):
    bench.plan.adapter = SimpleNamespace(capabilities=frozenset())
    polls = AttendancePolls(bench.plan, world.context, bench.transport, bench.sessions)
    assert list(polls.scheduled_actions()) == []
