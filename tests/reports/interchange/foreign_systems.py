"""Histories as six kinds of chat systems would record them, correct or with one planted defect.

They were written from docs/reference/histories.md alone. Each function returns the lines of a log
of about a minute; `planted` adds the defect that its docstring names.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Any

from .lines import Rows

Row = dict[str, Any]
START_S = 1_780_000_000.0  # the logs count seconds since 1970


def members(conversation: str, users: tuple[str, ...], **more: Any) -> Rows:
    return [
        {"kind": "member", "user": user, "conversation": conversation, **more} for user in users
    ]


def talk(rng: random.Random, users: tuple[str, ...], count: int) -> Iterator[tuple[float, str]]:
    """Yield when who writes: about one message a second."""
    at = START_S
    for _ in range(count):
        at += 0.2 + rng.expovariate(1.0)
        yield round(at, 6), rng.choice(users)


def irc(*, planted: bool) -> Rows:
    """IRC: no ids, no answers, no echo, no history; a netsplit loses messages for good.

    Planted: the server relays a message to a user who is not in the channel. A user who has left it
    would not do: without positions, what such a user may have received is not known.
    """
    rng = random.Random(1)
    users = ("ada", "grace", "linus", "dennis")
    rows: Rows = [{"kind": "header", "system": "IRC", "traits": {"at_most_once": True}}]
    rows += members("#dev", users[:3])
    parts_s = START_S + 12
    rows += members("#dev", ("dennis",), until=parts_s) + members("#ops", ("ken", "brian"))
    up = {"kind": "connect", "time": START_S - 5}
    rows += [{**up, "user": user} for user in (*users, "ken", "brian")]
    split_s, healed_s = START_S + 20, START_S + 27
    rows += [
        {"kind": "fault", "fault": "netsplit", "time": split_s, "until": healed_s},
        {"kind": "disconnect", "time": split_s + 0.1, "user": "linus"},
        {"kind": "connect", "time": healed_s + 0.5, "user": "linus"},
    ]
    last = 0.0
    for number, (at, writer) in enumerate(talk(rng, users[:3], 45)):
        cut_off = writer == "linus" and split_s - 0.5 < at < healed_s + 1
        author = "ada" if cut_off else writer
        message = {"conversation": "#dev", "message": number}
        text = {"body": f"line {number}"}
        rows.append({"kind": "send", "time": at, "user": author, **text, **message})
        for user in users:
            away = user == "linus" and split_s - 0.2 < at < healed_s + 0.6
            gone = user == "dennis" and at > parts_s - 0.1
            if user == author or away or gone:
                continue
            shown = {"kind": "deliver", "time": at + 0.04, "user": user, "sender": author}
            rows.append({**shown, **text, **message})
        last = at
    if planted:
        secret = {"conversation": "#dev", "message": 44, "body": "line 44"}
        rows.append({"kind": "deliver", "time": last + 0.05, "user": "ken", **secret})
    return sorted(rows, key=lambda row: float(row.get("time", 0)))


def matrix(*, planted: bool) -> Rows:
    """Matrix: /sync echoes everything, an edit changes what is read later, pages go backwards.

    Planted: a message that was never edited is read with the text of another room.
    """
    rng = random.Random(2)
    users = ("@ada:a.org", "@grace:b.org", "@linus:c.org")
    rows: Rows = [
        {"kind": "header", "system": "Matrix", "capabilities": ["self_echo", "devices"]}
        | ({} if planted else {"traits": {"edits": True}})
    ]
    for room in ("!ops:a.org", "!all:a.org"):
        rows += members(room, users)
    texts: dict[str, dict[str, str]] = {"!ops:a.org": {}, "!all:a.org": {}}
    last = 0.0
    for number, (at, author) in enumerate(talk(rng, users, 50)):
        room = "!ops:a.org" if number % 3 else "!all:a.org"
        event = f"$event{number}"
        texts[room][event] = text = f"text {number}"
        message = {"conversation": room, "message": event}
        sent = {"kind": "send", "time": at, "user": author, "completed": at + 0.08, "body": text}
        rows.append({**sent, **message})
        for user in users:
            # Events reach the servers of the others later; a homeserver orders them by arrival.
            delay = 0.1 if user == author else 0.15
            shown = {"kind": "deliver", "time": at + delay, "user": user, "sender": author}
            rows.append({**shown, "body": text, **message})
        last = at
    ops = texts["!ops:a.org"]
    changed = list(ops)[5]
    ops[changed] = texts["!all:a.org"]["$event0"] if planted else "text 7 (edited)"
    for room, events in texts.items():
        names = list(events)[::-1]
        for first in range(0, len(names), 10):
            page = [{"message": name, "body": events[name]} for name in names[first : first + 10]]
            rows.append({
                "kind": "read", "time": last + 3 + first / 10, "user": users[0],
                "conversation": room, "messages": page, "complete": False,
            })  # fmt: skip
    return rows


def slack(*, planted: bool) -> Rows:
    """Slack: the time stamp of a message is its id and its position; the history has no holes.

    Planted: the history lacks a message that was acknowledged and pushed.
    """
    rng = random.Random(3)
    users = ("U01", "U02", "U03", "U04")
    rows: Rows = [{"kind": "header", "system": "Slack", "capabilities": ["self_echo"]}]
    rows += members("C9", users)
    stored, last = [], 0.0
    for at, author in talk(rng, users, 50):
        stamp = f"{at + 0.05:.6f}"
        position = int(stamp.replace(".", ""))
        message = {"conversation": "C9", "message": stamp, "position": position}
        rows.append({"kind": "send", "time": at, "user": author, "completed": at + 0.09, **message})
        rows += [{"kind": "deliver", "time": at + 0.12, "user": user, **message} for user in users]
        stored.append({"message": stamp, "position": position})
        last = at
    if planted:
        del stored[17]
    rows.append({
        "kind": "read", "time": last + 5, "user": "U02", "conversation": "C9",
        "messages": stored[::-1], "complete": True,
    })  # fmt: skip
    return rows


def xmpp(*, planted: bool) -> Rows:
    """XMPP: a client that returns pages through the archive (MAM), each page behind the last one.

    Planted: the second page begins with the last message of the first, which is shown twice.
    """
    rng = random.Random(4)
    users = ("romeo@x.org", "juliet@x.org")
    rows: Rows = [{"kind": "header", "system": "XMPP", "name": "archive"}]
    rows += members("romeo+juliet", users)
    rows += [{"kind": "connect", "time": START_S - 1, "user": user} for user in users]
    gone_s, back_s = START_S + 15, START_S + 40
    rows.append({"kind": "disconnect", "time": gone_s, "user": "juliet@x.org"})
    rows.append({"kind": "connect", "time": back_s, "user": "juliet@x.org"})
    missed, archive, last = [], [], 0.0
    for number, (at, writer) in enumerate(talk(rng, users, 50)):
        author = "romeo@x.org" if gone_s - 1 < at < back_s + 2 else writer
        message = {"conversation": "romeo+juliet", "message": f"origin-{number}"}
        rows.append({"kind": "send", "time": at, "user": author, **message})
        rows.append({"kind": "ack", "time": at + 0.06, **message})
        archive.append(message["message"])
        other = users[author == users[0]]
        if other == "juliet@x.org" and gone_s - 0.3 < at < back_s:
            missed.append(message)
        else:
            rows.append({"kind": "deliver", "time": at + 0.1, "user": other, **message})
        last = at
    for first in range(0, len(missed), 8):
        for message in missed[first - (planted and first == 8) : first + 8]:
            shown = {"kind": "deliver", "time": back_s + 0.2 + first / 100, "user": "juliet@x.org"}
            rows.append({**shown, "channel": "resync", **message})
    for first in range(0, len(archive), 20):
        rows.append({
            "kind": "read", "time": last + 5 + first / 10, "user": "romeo@x.org",
            "conversation": "romeo+juliet", "messages": archive[first : first + 20],
            "complete": False,
        })  # fmt: skip
    return sorted(rows, key=lambda row: float(row.get("time", 0)))


def mqtt(*, planted: bool) -> Rows:
    """MQTT with QoS 1: PUBACKs, repeated PUBLISHes, copies, and a queue for a client that is away.

    Planted: two consecutive messages of one publisher leave the queue in the opposite order.
    """
    rng = random.Random(5)
    users = ("sensor", "panel", "phone")
    rows: Rows = [{"kind": "header", "system": "MQTT", "capabilities": ["self_echo", "resume"]}]
    rows += members("home/door", users)
    rows += [{"kind": "connect", "time": START_S - 1, "user": user} for user in users]
    gone_s, back_s = START_S + 15, START_S + 30
    rows.append({"kind": "disconnect", "time": gone_s, "user": "phone"})
    rows.append({"kind": "connect", "time": back_s, "user": "phone"})
    queue: Rows = []
    for number, (at, writer) in enumerate(talk(rng, users, 45)):
        away = gone_s - 1 < at < back_s + 2
        author = ("sensor", "panel")[number // 2 % 2] if away else writer
        message = {"conversation": "home/door", "message": number}
        rows.append({"kind": "send", "time": at, "user": author, **message})
        if number % 9 == 4:  # the PUBACK was lost, and the client publishes again
            rows.append({"kind": "send", "time": at + 0.1, "user": author, **message})
        rows.append({"kind": "ack", "time": at + 0.15, **message})
        for user in users:
            if user == "phone" and gone_s - 0.3 < at < back_s:
                queue.append(message)
                continue
            rows.append({"kind": "deliver", "time": at + 0.07, "user": user, **message})
            if number % 9 == 4:
                rows.append({"kind": "copy", "time": at + 0.14, "user": user, **message})
    if planted:
        authors = {row["message"]: row["user"] for row in rows if row["kind"] == "send"}
        first = next(
            place
            for place, (one, other) in enumerate(itertools.pairwise(queue))
            if authors[one["message"]] == authors[other["message"]]
        )
        queue[first : first + 2] = queue[first + 1], queue[first]
    for place, message in enumerate(queue):
        rows.append(
            {"kind": "deliver", "time": back_s + 0.1 + place / 1000, "user": "phone", **message}
        )
    return sorted(rows, key=lambda row: float(row.get("time", 0)))


def several_devices(*, planted: bool) -> Rows:
    """A system that numbers messages and pushes each one to every device of every member.

    Planted: one device never gets a message that the other device of its user was pushed.
    """
    rng = random.Random(6)
    users, devices = ("ada", "grace", "linus"), ("phone", "laptop")
    rows: Rows = [{"kind": "header", "capabilities": ["self_echo", "devices"]}]
    rows += members("team", users)
    for user in users:
        for device in devices:
            up = {"kind": "connect", "time": START_S - 1, "user": user, "device": device}
            rows.append({**up, "connection": f"{user}-{device}-1"})
    laptop = {"user": "grace", "device": "laptop"}
    gone_s, back_s = START_S + 20, START_S + 24
    rows.append({"kind": "disconnect", "time": gone_s, **laptop, "connection": "grace-laptop-1"})
    rows.append({"kind": "connect", "time": back_s, **laptop, "connection": "grace-laptop-2"})
    last = 0.0
    for number, (at, author) in enumerate(talk(rng, users, 50), start=1):
        message = {"conversation": "team", "message": f"m{number}", "position": number}
        sent = {"kind": "send", "time": at, "user": author, "device": "phone"}
        rows.append({**sent, "completed": at + 0.05, **message})
        for user in users:
            for device in devices:
                shown = {"kind": "deliver", "time": at + 0.1, "user": user, "device": device}
                if (user, device) == ("grace", "laptop") and gone_s - 0.2 < at < back_s + 0.1:
                    shown |= {"time": back_s + 0.4 + number / 1000, "channel": "resync"}
                if not (planted and (user, device, number) == ("linus", "laptop", 33)):
                    rows.append({**shown, **message})
        last = at
    rows.append({
        "kind": "read", "time": last + 5, "user": "ada", "device": "phone", "conversation": "team",
        "messages": [{"message": f"m{at}", "position": at} for at in range(1, 51)],
        "complete": True,
    })  # fmt: skip
    return sorted(rows, key=lambda row: float(row.get("time", 0)))
