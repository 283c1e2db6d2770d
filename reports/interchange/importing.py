"""Makes a run directory of a history in JSON Lines, so that it is judged like any run."""

import json
import re
import shutil
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from gauntlet.core import run_directory
from gauntlet.core.clock import DURATION_MAX_S, NS_PER_MS, NS_PER_S
from gauntlet.core.errors import ConfigError
from gauntlet.core.history import RECORDED, Kind, Record
from gauntlet.core.printable import printable
from gauntlet.core.run_directory import ACCOUNTS_FROM, UNKNOWN_SENDER, RunDir
from gauntlet.core.scenario import catalog, model, traits
from gauntlet.core.scenario.capabilities import HISTORY, OPEN_ACCOUNTS, SERVER_SEQ
from gauntlet.reports.history.arrays import Ints
from gauntlet.reports.interchange import evidence, ranges, reading
from gauntlet.reports.interchange.converter import Converter
from gauntlet.reports.interchange.directions import Votes, settle
from gauntlet.reports.interchange.evidence import Evidence
from gauntlet.reports.interchange.names import Registry
from gauntlet.reports.interchange.resolving import resolve
from gauntlet.reports.interchange.spool import GROUPS, Spool

QUEUE_NS = NS_PER_S  # a client may show this late what it received on a connection that has ended


def import_history(source: str, out: Path, argv: list[str]) -> RunDir:
    """Return a new run directory below `out` with the history of `source` (a path, or `-`).

    Raises ConfigError with the line and the key of what is wrong; nothing is left then.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".import-", dir=out))
    except OSError as error:
        raise ConfigError(f"--out must be a folder that can be written to; got {out}") from error
    try:
        converter = _read(source, scratch)
        run = RunDir.make(scratch / "run")
        (scratch / "messages.jsonl").rename(run.messages)
        _write(run, converter, argv)
        name = converter.header.name
        final = out / run_directory.run_id(_slug(name), 0)
        run.path.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return RunDir(final)


def _read(source: str, scratch: Path) -> Converter:
    names, spool = Registry(scratch / "messages.jsonl"), Spool(scratch)
    converter = Converter(names, spool)
    bad = reading.BadLines(reading.name_of(source))
    try:
        for number, line in reading.read_lines(source, bad):
            try:
                converter.add(line)
            except ValueError as error:
                bad.add(number, str(error))
        ranges.add_absences(converter)
    finally:
        names.close()
        spool.close()
    bad.raise_if_any()
    if not any(count for kind, count in converter.counts.items() if kind != "header"):
        raise ConfigError(f"{reading.name_of(source)} must have at least one line; got none")
    _check_names(converter, reading.name_of(source))
    return converter


def _check_names(converter: Converter, source: str) -> None:
    header = converter.header
    for key, checks in (("require", header.require or []), ("unjudged", list(header.unjudged))):
        for check in checks:
            if check not in catalog.CHECKS:
                known = ", ".join(catalog.CHECKS)
                raise ConfigError(
                    f"{source}:1: {key} must name checks ({known}); got {check!r:.80}"
                )


def _texts(named: dict[str, str]) -> dict[str, str]:
    return {name: printable(text) for name, text in named.items()}


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-")
    return slug or "history"


def _write(run: RunDir, converter: Converter, argv: list[str]) -> None:
    shards, has = _write_records(run, converter)
    missing = {**evidence.unjudged(has), **_texts(converter.header.unjudged)}
    scenario = _scenario(converter, missing)
    _write_links(run, converter)
    _write_events(run, converter, shards, missing)
    run_directory.write_json(run.manifest, _manifest(converter, scenario, missing, has, argv))


def _write_records(run: RunDir, converter: Converter) -> tuple[dict[str, int], Evidence]:
    """Write the shards; return how many records each has, and what there is evidence for."""
    names = converter.names
    authors, bodies = np.array(names.authors, np.int64), np.array(names.bodies, np.int64)
    session_of, shards = _sessions(names), {}
    of_strangers = np.array(sorted(converter.of_strangers), np.int64)
    readers = ranges.Readers(_of_part(converter), _stays(converter))
    audited = placed_reads = placed_heads = 0
    votes, pages = Votes(), {}
    for group in range(GROUPS):
        rows = converter.spool.take(group)
        end_ns = converter.last_ns
        found = resolve(
            rows,
            authors,
            bodies,
            end_ns,
            numbered=converter.numbered,
            session_of=session_of,
            of_strangers=of_strangers,
            readers=readers,
        )
        audited += found.audited.size
        placed_reads += found.placed_entries
        placed_heads += found.placed_heads
        name = f"w0-g{group}.bin"
        membership = ranges.records(converter, group)
        votes = votes.plus(found.votes)
        pages[name] = found.pages.behind(len(membership))
        with (run.history / name).open("wb") as shard:
            shard.write(b"".join(record.pack() for record in membership))
            found.records.tofile(shard)
        shards[name] = len(membership) + found.records.size
    for name, of_shard in pages.items():
        settle(run.history / name, of_shard, votes)
    users = _user_records(converter)
    (run.history / "w0-users.bin").write_bytes(b"".join(record.pack() for record in users))
    shards["w0-users.bin"] = len(users)
    counts = converter.counts
    has = Evidence(
        sends=counts["send"] > 0,
        acks=counts["ACK"] > 0,
        promises=counts["ACK"] > counts["handed over"],
        deliveries=counts["deliver"] + counts["read"] > 0,
        ordered_deliveries=counts["ordered deliveries"] > 0,
        pushes=counts["pushes"] > 0,
        ordered_pages=counts["ordered pages"] > 0
        or (votes.entries > 0 and votes.is_oldest_first is not None),
        listed_pages=counts["read"] + counts["listed pages"] > 0,
        comparable_pages=counts["comparable pages"] + votes.entries > 0,
        positions=counts["positions"] > 0,
        members=bool(converter.members),
        audits=audited > 0,
        faults=bool(converter.faults),
        placed_reads=placed_reads + counts["page"] > 0,
        placed_heads=placed_heads + counts["page"] > 0,
        may_disappear=converter.header.traits.may_disappear,
        capabilities=frozenset(converter.header.capabilities),
    )
    return shards, has


def _sessions(names: Registry) -> Ints:
    """Return the number of the session of each connection; 0 is no connection."""
    numbers: dict[tuple[int, str], int] = {}
    session_of = np.zeros(len(names.links) + 1, dtype=np.int64)
    for link in names.links.values():
        session_of[link.number] = numbers.setdefault((link.user, link.device), len(numbers) + 1)
    return session_of


def _connections(converter: Converter) -> dict[int, list[int]]:
    """Return the numbers of the connections of each user."""
    connections: dict[int, list[int]] = {}
    for link in converter.names.links.values():
        connections.setdefault(link.user, []).append(link.number)
    return connections


def _of_part(converter: Converter) -> Ints:
    """Return the sorted keys (conversation, connection) of readers who may read only a part."""
    connections = _connections(converter)
    keys = [
        conv << 32 | number
        for conv, user in ranges.partial_readers(converter)
        for number in connections.get(user, ())
    ]
    return np.array(sorted(keys), dtype=np.int64)


def _stays(converter: Converter) -> dict[tuple[int, int], list[ranges.Stay]]:
    """Return what `ranges.stays` does, by (conversation, connection)."""
    connections = _connections(converter)
    return {
        (conv, number): known
        for (conv, user), known in ranges.stays(converter).items()
        for number in connections.get(user, ())
    }


def _user_records(converter: Converter) -> list[Record]:
    """Return the records about connections, with those that no line states.

    A device without a `connect` line is connected from the beginning, and so is a member without
    any, if the history has no `connect` lines at all. Every disconnect counts as wanted, unless the
    history has the phases of a load.
    """
    records = [_with_what_was_queued(converter, record) for record in converter.user_records]
    if not converter.counts["connect"]:
        active = {link.user for link in converter.names.links.values()}
        for user in {span.user for span in converter.members} - active:
            converter.names.link(user, None, None, converter.first_ns)
    connected = {record.link for record in records if record.kind == Kind.CONNECT}
    begun = set()
    users_with_devices = {user for user, _ in converter.devices}
    for link in converter.names.links.values():
        session = (link.user, link.device)
        if session not in converter.devices and link.user in users_with_devices:
            continue  # it only requested something: nothing shows that it can be pushed anything
        if link.number not in connected:
            used_ns = converter.first_used.get(link.number, converter.first_ns)
            t_ns = used_ns if session in begun else converter.first_ns
            records.append(Record(t_ns, t_ns, link=link.number, peer=link.user, kind=Kind.CONNECT))
        begun.add(session)
    if "quiesce" not in converter.phases:
        records += [
            record._replace(kind=Kind.OFFLINE, sseq=0, spare=0)
            for record in records
            if record.kind == Kind.DISCONNECT
        ]
    return sorted(records, key=lambda record: record.t_ns)


def _with_what_was_queued(converter: Converter, record: Record) -> Record:
    """Return an end of a connection that is not before what was shown from the client's queue."""
    shown_ns = converter.last_received.get(record.link, 0)
    if record.kind != Kind.DISCONNECT or not record.t_ns < shown_ns <= record.t_ns + QUEUE_NS:
        return record
    return record._replace(t_ns=shown_ns)


def _scenario(converter: Converter, missing: dict[str, str]) -> model.Scenario:
    header = converter.header
    faults = [
        {
            "id": fault.id, "kind": fault.kind, "target": fault.target,
            "at": _planned_s(fault.begin_ns - converter.first_ns),
            "for": _planned_s((fault.until_ns or fault.begin_ns) - fault.begin_ns),
            "expect": {"recover_within": fault.recover_within},
        }
        for fault in converter.faults
    ]  # fmt: skip
    return model.from_builtins(
        {
            "version": 1,
            "name": printable(header.name),
            "about": printable(header.about) or "A history that others recorded.",
            "target": {"adapter": RECORDED, "stack": "external"},
            "load": {
                "users": max(1, len(converter.names.users)),
                "ramp": 0.0,
                "steady": _planned_s(converter.last_ns - converter.first_ns),
                "acked_floor": 0.0,  # how much of it had to be acknowledged is not known
            },
            "faults": faults,
            "checks": {"required": evidence.required(missing, header.require)},
            "recovery_window": header.recovery_window,
            "delivery_deadline": header.delivery_deadline,
        }
    )


def _planned_s(span_ns: int) -> float:
    """Return a duration for the scenario: a log may last longer than any load may be planned to.

    What happened when is in the events, and how long the history is in the manifest.
    """
    return min(max(0, span_ns) / NS_PER_S, DURATION_MAX_S)


def _manifest(
    converter: Converter,
    scenario: model.Scenario,
    missing: dict[str, str],
    has: Evidence,
    argv: list[str],
) -> dict[str, Any]:
    header = converter.header
    declared = {*header.capabilities, OPEN_ACCOUNTS}
    declared |= {SERVER_SEQ} if has.positions else set()
    declared |= {HISTORY} if has.audits or has.placed_reads else set()
    return {
        "schema_version": run_directory.SCHEMA_VERSION,
        "argv": argv,
        "scenario": model.to_builtins(scenario),
        "seed": 0,
        "bug": None,
        "commit": None,
        "versions": {"im-gauntlet": metadata.version("im-gauntlet")},
        "machine": {"system": "not known", "python": "not known", "cores": 0, "memory_mb": 0},
        "clock": {
            "monotonic_ns": converter.first_ns,
            "wall_ns": time.time_ns(),
            "error_ms": converter.clock_error_ns / NS_PER_MS,
        },
        "adapter": {
            "name": printable(header.system) or RECORDED,
            "capabilities": sorted(declared),
            "traits": traits.to_builtins(header.traits),
            "transport": None,
        },
        "stack": {"name": "external"},
        "proxy": {"backend": None, "links": []},
        "imported": {
            "lines": dict(converter.counts),
            "unjudged": missing,
            "requires": "stated" if header.require is not None else "judged",
            "duration_s": (converter.last_ns - converter.first_ns) / NS_PER_S,
        },
    }


def _write_links(run: RunDir, converter: Converter) -> None:
    names = converter.names
    members = ranges.members(converter)
    rows: list[dict[str, Any]] = [
        {"row": "user", "user": number, "name": printable(name)}
        for name, number in names.users.items()
    ]
    rows.append({"row": "user", "user": UNKNOWN_SENDER, "name": "an unknown sender"})
    rows += [
        {"row": "account", "account": ACCOUNTS_FROM + number, "name": printable(name)}
        for name, number in names.accounts.items()
    ]
    rows += [
        {
            "row": "conv", "conv": number, "name": printable(name), "workload": RECORDED,
            "members": members.get(number, []),
        }
        for name, number in names.conversations.items()
    ]  # fmt: skip
    rows += [
        {
            "row": "link", "link": link.number, "user": link.user, "device": printable(link.device),
            "incarnation": link.incarnation,
            "edge": printable(names.servers.get(link.number, "")) or "the system",
            "environment": "",
        }
        for link in names.links.values()
    ]  # fmt: skip
    _write_rows(run.links, rows)


def _write_events(
    run: RunDir, converter: Converter, shards: dict[str, int], missing: dict[str, str]
) -> None:
    phases = converter.phases or {
        "ramp": converter.first_ns,
        "steady": converter.first_ns,
    }
    rows: list[dict[str, Any]] = [
        {"t_ns": t_ns, "kind": "phase", "phase": phase} for phase, t_ns in phases.items()
    ]
    rows.append(
        {
            "t_ns": converter.last_ns, "kind": "reconciliation", "worker": 0, "imported": True,
            "clock_error_ns": converter.clock_error_ns, "records": shards,
            "unjudged": sorted(missing),
        }
    )  # fmt: skip
    _write_rows(run.events / "load-0.jsonl", rows)
    steps = []
    for fault in converter.faults:
        times = [("requested", fault.requested_ns), ("effective", fault.begin_ns)]
        if fault.until_ns is not None:
            times += [("heal-requested", fault.until_ns), ("healed", fault.until_ns)]
        steps += [
            {
                "t_ns": t_ns, "kind": "fault", "id": fault.id, "fault": fault.kind,
                "target": fault.target, "step": step,
                "proof": fault.proof if step == "effective" else {}, "detail": {},
            }
            for step, t_ns in times
        ]  # fmt: skip
    _write_rows(run.events / "chaos.jsonl", steps)


def _write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
