"""Probes of messages: sending, receiving, order, numbers, echo, and sending twice."""

import asyncio
from collections.abc import AsyncIterator

from gauntlet.core.scenario.capabilities import (
    IDEMPOTENT_SEND,
    SELF_ECHO,
    SERVER_SEQ,
    TIMESTAMPS,
)
from gauntlet.scenarios.conformance.bench import QUIET_S, Attempt, Client
from gauntlet.scenarios.conformance.findings import Finding, Outcome
from gauntlet.scenarios.conformance.stored import read_all
from gauntlet.scenarios.workloads.entities import Conversation

SEND, RECEIVE, ORDER = "send", "receive", "order"
_MESSAGES = 5


async def probe_messages(
    sender: Client, receiver: Client, conv: Conversation, sent: list[Attempt]
) -> AsyncIterator[Finding]:
    """Yield what holds of a few messages; `sent` receives those that the server took."""
    first = await sender.send(conv)
    yield judge_send(first)
    if first.sent is None or first.sent.stored not in ("yes", "handed-over"):
        return
    sent.append(first)
    for _ in range(_MESSAGES - 1):
        attempt = await sender.send(conv)
        if attempt.sent is not None and attempt.sent.stored in ("yes", "handed-over"):
            sent.append(attempt)
    arrived = await receiver.receives(sent[-1].body)
    finding = judge_receive(receiver, conv, sent, sender.user.name)
    yield finding
    if not arrived or finding.outcome is not Outcome.HOLDS:
        return
    yield _judge_order(receiver, sent)
    yield _judge_numbers(receiver, sent)
    yield _judge_stamps(receiver, sent)
    echoed = await sender.receives(sent[-1].body, QUIET_S)
    missing = sum(not sender.pushes(attempt.body) for attempt in sent)
    if echoed and not missing:
        yield Finding(SELF_ECHO, Outcome.HOLDS, "The sender's connection received all of them.")
    else:
        text = f"The sender's connection did not receive {missing} of {len(sent)} messages."
        yield Finding(SELF_ECHO, Outcome.FAILS, text)


def judge_send(attempt: Attempt) -> Finding:
    """Return whether a message can be sent."""
    if attempt.sent is None:
        return Finding(SEND, Outcome.FAILS, f"A message was not acknowledged: {attempt.why}.")
    match attempt.sent.stored:
        case "yes":
            return Finding(SEND, Outcome.HOLDS, "A message is acknowledged.")
        case "handed-over":
            text = "A message is handed over; the system has no acknowledgement."
            return Finding(SEND, Outcome.HOLDS, text)
        case outcome:
            return Finding(SEND, Outcome.FAILS, f"A message was answered with {outcome!r}.")


def judge_receive(
    receiver: Client, conv: Conversation, sent: list[Attempt], sender: str
) -> Finding:
    """Return whether the receiver was pushed all messages, whole and once."""
    for attempt in sent:
        pushes = [
            push
            for push in receiver.observer.received
            if push.entry.body == attempt.body or push.entry.client_msg_id == attempt.client_msg_id
        ]
        if not pushes:
            others = [push.entry.conv for push in receiver.observer.received]
            got = f"; it received {len(others)} other entries" if others else ""
            text = f"A message was not pushed to the receiver{got}. {receiver.bench.last_error}"
            return Finding(RECEIVE, Outcome.FAILS, text.strip())
        if len(pushes) > 1:
            text = f"A message was pushed {len(pushes)} times on one connection."
            return Finding(RECEIVE, Outcome.FAILS, text)
        entry = pushes[0].entry
        expected = {"conv": conv.name, "sender": sender, "body": attempt.body}
        for name, value in expected.items():
            found = getattr(entry, name)
            if found != value:
                text = f"The {name} of a pushed entry must be {value!r}; got {found!r}."
                return Finding(RECEIVE, Outcome.FAILS, text)
    text = f"{len(sent)} of {len(sent)} messages are pushed to the receiver, whole and once."
    return Finding(RECEIVE, Outcome.HOLDS, text)


def _judge_order(receiver: Client, sent: list[Attempt]) -> Finding:
    bodies = [push.entry.body for push in receiver.observer.received]
    places = [bodies.index(attempt.body) for attempt in sent]
    if places == sorted(places):
        return Finding(ORDER, Outcome.HOLDS, "They arrive in the order in which they were sent.")
    return Finding(ORDER, Outcome.FAILS, "They do not arrive in the order in which they were sent.")


def _judge_numbers(receiver: Client, sent: list[Attempt]) -> Finding:
    pushed = [receiver.pushes(attempt.body)[0].entry.seq for attempt in sent]
    answered = [attempt.sent.seq for attempt in sent if attempt.sent is not None]
    if not any(pushed) and not any(answered):
        return Finding(SERVER_SEQ, Outcome.FAILS, "Entries have no position.")
    if pushed != list(range(pushed[0], pushed[0] + len(pushed))) or pushed[0] < 1:
        text = f"Consecutive messages must have consecutive positions; got {pushed}."
        return Finding(SERVER_SEQ, Outcome.FAILS, text)
    if answered != pushed:
        text = f"The sender was told the positions {answered}, the receiver {pushed}."
        return Finding(SERVER_SEQ, Outcome.FAILS, text)
    text = f"Positions are consecutive, and the same for sender and receiver: {pushed}."
    return Finding(SERVER_SEQ, Outcome.HOLDS, text)


def _judge_stamps(receiver: Client, sent: list[Attempt]) -> Finding:
    pushed = [receiver.pushes(attempt.body)[0].entry.stamped_ms for attempt in sent]
    answered = [attempt.sent.stamped_ms for attempt in sent if attempt.sent is not None]
    if not all(pushed) and not all(answered):
        text = "Neither all acknowledgements nor all pushes have a time stamp."
        return Finding(TIMESTAMPS, Outcome.FAILS, text)
    for stamps, where in ((answered, "acknowledgements"), (pushed, "pushes")):
        if all(stamps) and stamps != sorted(stamps):
            text = f"The time stamps of {where} go backwards: {stamps}."
            return Finding(TIMESTAMPS, Outcome.FAILS, text)
    return Finding(TIMESTAMPS, Outcome.HOLDS, "Messages have time stamps, which ascend.")


async def probe_retry(
    sender: Client, receiver: Client, conv: Conversation
) -> AsyncIterator[Finding]:
    """Yield whether a message that is sent twice under one id is stored once."""
    first = await sender.send(conv)
    if first.sent is None or first.sent.stored != "yes":
        text = "It was not tried, because the message was not acknowledged."
        yield Finding(IDEMPOTENT_SEND, Outcome.UNKNOWN, text)
        return
    second = await sender.send(conv, first)
    await receiver.receives(first.body)
    await asyncio.sleep(QUIET_S)
    pushes = receiver.pushes(first.body)
    copies = len(pushes)
    by = "the receiver's pushes"
    entries, _ = await read_all(receiver, conv)
    if entries is not None and any(entry.body == first.body for entry in entries):
        copies = sum(entry.body == first.body for entry in entries)
        by = "all entries of the history"
    positions = {attempt.sent.seq for attempt in (first, second) if attempt.sent is not None}
    if copies > 1 or len(positions) > 1:
        found = f"as {by} show" if copies > 1 else f"at the positions {sorted(positions)}"
        text = f"A message that was sent twice under one id was stored twice, {found}."
        yield Finding(IDEMPOTENT_SEND, Outcome.FAILS, text)
    elif second.sent is None:
        text = f"The second attempt was not answered: {second.why}."
        yield Finding(IDEMPOTENT_SEND, Outcome.FAILS, text)
    else:
        text = f"A message that was sent twice under one id is stored once, as {by} show."
        yield Finding(IDEMPOTENT_SEND, Outcome.HOLDS, text)
