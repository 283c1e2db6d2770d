"""Probes of connections: a lost session, several devices, rooms, unknown users."""

from collections.abc import AsyncIterator
from dataclasses import replace

from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    DEVICES,
    MEMBER_CHANGES,
    MEMBERS_ONLY,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SERVER_SEQ,
)
from gauntlet.scenarios.conformance.bench import (
    CONNECT_TIMEOUT_S,
    PUSH_TIMEOUT_S,
    QUIET_S,
    Bench,
    Client,
    until,
)
from gauntlet.scenarios.conformance.findings import Finding, Outcome
from gauntlet.scenarios.workloads.entities import Conversation

_STRANGER_TIMEOUT_S = 4.0


async def probe_resume(
    sender: Client, receiver: Client, conv: Conversation
) -> AsyncIterator[Finding]:
    """Yield whether a session that was cut is resumed, with the message that it missed."""
    receiver.session.cut()
    missed = await sender.send(conv)
    receiver.session.start()
    if not await until(lambda: receiver.session.connected, CONNECT_TIMEOUT_S):
        text = f"The receiver could not connect again: {receiver.bench.last_error}."
        yield Finding(RESUME, Outcome.FAILS, text)
        return
    connection = receiver.channel.connection
    resumed = connection is not None and bool(connection.connected and connection.connected.resumed)
    pushed = await receiver.receives(missed.body, PUSH_TIMEOUT_S)
    if not resumed:
        also = "The missed message was pushed nevertheless." if pushed else "Nothing was pushed."
        yield Finding(RESUME, Outcome.FAILS, f"The server began a new session. {also}")
    elif pushed:
        text = "The session was resumed, and the missed message was pushed."
        yield Finding(RESUME, Outcome.HOLDS, text)
    else:
        text = "The session was resumed, and the missed message was not pushed."
        yield Finding(RESUME, Outcome.FAILS, text)


async def probe_devices(
    sender: Client, receiver: Client, conv: Conversation
) -> AsyncIterator[Finding]:
    """Yield whether two devices of one user are connected together, and both receive."""
    second = receiver.bench.client(replace(receiver.user, device_index=1))
    connected = await second.connect()
    sent = await sender.send(conv)
    both = await receiver.receives(sent.body) and await second.receives(sent.body)
    still = receiver.session.connected and second.session.connected
    second.session.stop()
    await until(lambda: receiver.session.connected, CONNECT_TIMEOUT_S)
    if not connected:
        text = f"A second device could not connect: {receiver.bench.last_error}."
        yield Finding(DEVICES, Outcome.FAILS, text)
    elif not still:
        text = "The server closed one of two connections of a user."
        yield Finding(DEVICES, Outcome.FAILS, text)
    elif not both:
        yield Finding(DEVICES, Outcome.FAILS, "A message was not pushed to both devices.")
    else:
        yield Finding(DEVICES, Outcome.HOLDS, "Two devices of a user receive a message.")


def room_of(bench: Bench) -> Conversation:
    """Return the room of all users of the check."""
    name = f"r.check-{bench.tag}"
    return bench.context.conversations.get(name) or bench.conversation(name, bench.users)


async def probe_rooms(creator: Client, members: list[Client]) -> AsyncIterator[Finding]:
    """Yield whether members can be added to a room, enter it, exit it, and receive in it."""
    bench = creator.bench
    users = [creator.user, *(member.user for member in members)]
    room = room_of(bench)
    why = await _fill(creator, members, room)
    if not why:
        why = await _use(creator, members, room)
    if why:
        yield Finding(ROOMS, Outcome.FAILS, why)
    else:
        text = f"{len(users)} members enter a room, receive in it, exit it, and enter it again."
        yield Finding(ROOMS, Outcome.HOLDS, text)
        yield await _try_list(creator, members[0], room)
        yield await _try_changes(creator, members[0], room)


async def _try_list(creator: Client, member: Client, room: Conversation) -> Finding:
    """Return whether the list of who is in a room follows a member who exits and enters again."""
    codec, name = creator.channel.codec, member.user.name

    async def is_listed(*, wanted: bool) -> bool:
        """Return whether the list names the member, or does not, in time."""
        for _ in range(int(PUSH_TIMEOUT_S / QUIET_S) + 1):
            listed = await creator.call(creator.channel.ask(codec.attendance, room.name))
            if isinstance(listed, list) and (name in listed) is wanted:
                return True
            await until(lambda: False, QUIET_S)
        return False

    def finding(why: str) -> Finding:
        return Finding(ATTENDANCE, Outcome.FAILS, why)

    try:
        codec.attendance(room.name)
    except NotImplementedError:
        return finding("The codec does not implement `attendance`.")
    if not await is_listed(wanted=True):
        return finding("The list of who is in a room does not name a member who entered it.")
    member.session.attend(room, on=False)
    exited = await is_listed(wanted=False)
    member.session.attend(room, on=True)
    if not exited:
        return finding("The list of who is in a room names a member who exited it.")
    if not await is_listed(wanted=True):
        return finding("The list of who is in a room does not name a member who entered it again.")
    text = "The list of who is in a room follows a member who exits it and enters it again."
    return Finding(ATTENDANCE, Outcome.HOLDS, text)


async def _try_changes(creator: Client, member: Client, room: Conversation) -> Finding:
    """Return whether a member can be removed, receives nothing then, and can be added again."""

    def finding(why: str) -> Finding:
        return Finding(MEMBER_CHANGES, Outcome.FAILS, why)

    codec, name = creator.channel.codec, member.user.name
    try:
        removal = codec.remove_member(room.name, name)
    except NotImplementedError:
        return finding("The codec does not implement `remove_member`.")
    if await creator.call(removal) is None:
        return finding("A member could not be removed from a room.")
    member.session.expel(room)
    await until(lambda: False, QUIET_S)  # what was sent before may still be on its way
    sent = await creator.send(room)
    await until(lambda: False, QUIET_S)
    if any(received.entry.body == sent.body for received in member.observer.received):
        return finding("A message to a room was pushed to a user who had been removed from it.")
    position = await creator.call(codec.add_member(room.name, name))
    if position is None:
        return finding("A user who had been removed from a room could not be added again.")
    member.session.join(room, position)
    seen = await creator.send(room)
    if not await member.receives(seen.body):
        return finding("A message to a room was not pushed to a member who was added again.")
    text = "A member is removed from a room, receives nothing there, and is added again."
    return Finding(MEMBER_CHANGES, Outcome.HOLDS, text)


async def _fill(creator: Client, members: list[Client], room: Conversation) -> str:
    codec, bench = creator.channel.codec, creator.bench
    for member in (creator, *members):
        bench.last_error = ""
        try:
            call = codec.add_member(room.name, member.user.name)
        except NotImplementedError:
            return "The codec does not implement `add_member`."
        position = await creator.call(call)
        if position is None:
            reason = bench.last_error or "there was no answer"
            return f"A member could not be added to a room: {reason}."
        member.session.join(room, position)
    if SERVER_SEQ not in bench.capabilities:
        return ""
    named = await creator.call(creator.channel.ask(codec.members, room.name))
    expected = {client.user.name for client in (creator, *members)}
    if named is None or not expected <= set(named):
        return f"The members of a room must be {sorted(expected)}; got {sorted(named or ())}."
    return ""


async def _use(creator: Client, members: list[Client], room: Conversation) -> str:
    await until(lambda: False, QUIET_S)  # entering has no acknowledgement in many protocols
    sent = await creator.send(room)
    if sent.sent is None or sent.sent.stored not in ("yes", "handed-over"):
        return f"A message to a room was not acknowledged: {sent.why}."
    for member in members:
        if not await member.receives(sent.body):
            return "A message to a room was not pushed to a member who had entered it."
    # Whether members who have exited a room are pushed its messages differs from system to system.
    exiting = members[0]
    exiting.session.attend(room, on=False)
    await until(lambda: False, QUIET_S)
    exiting.session.attend(room, on=True)
    await until(lambda: False, QUIET_S)
    seen = await creator.send(room)
    if not await exiting.receives(seen.body):
        return "A message to a room was not pushed to a member who had exited and entered it."
    return ""


async def probe_strangers(bench: Bench, conv: Conversation) -> AsyncIterator[Finding]:
    """Yield whether a new user can log in, and then whether conversations of others are closed."""
    stranger = bench.client(bench.stranger())
    accepted = await stranger.connect(_STRANGER_TIMEOUT_S)
    if accepted:
        yield await _try_as_a_stranger(stranger, conv)
    stranger.session.stop()
    if accepted:
        yield Finding(OPEN_ACCOUNTS, Outcome.HOLDS, "A user with a new name can log in.")
    else:
        text = f"A user with a new name cannot log in: {bench.last_error or 'no answer'}."
        yield Finding(OPEN_ACCOUNTS, Outcome.FAILS, text)


async def _try_as_a_stranger(stranger: Client, conv: Conversation) -> Finding:
    """Return whether a user who is no member can read a conversation, or send to it."""
    history = stranger.channel.ask(stranger.channel.codec.history, conv.name, 0, 1)
    page = await stranger.call(history)
    if page is not None and (page.entries or page.head):
        return Finding(MEMBERS_ONLY, Outcome.FAILS, "A user who is no member read a conversation.")
    attempt = await stranger.send(conv)
    stored = attempt.sent.stored if attempt.sent is not None else "unknown"
    if stored == "no":
        text = "A user who is no member can neither read a conversation nor send to it."
        return Finding(MEMBERS_ONLY, Outcome.HOLDS, text)
    if stored == "unknown":
        text = "Nothing answered a message of a user who is no member."
        return Finding(MEMBERS_ONLY, Outcome.UNKNOWN, text)
    return Finding(MEMBERS_ONLY, Outcome.FAILS, "A user who is no member sent a message.")
