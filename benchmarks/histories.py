"""Generates the history of a correct run of any size, for `make bench-judge` and for experiments.

`python -m benchmarks.histories FOLDER --deliveries 1000000` writes a run directory. Conversations
are rooms of `--members` users; with `--solo`, one room holds everything. Every member sends, and
every message is acknowledged, delivered to all members, and audited. Latencies are random, within
100 ms. By default, a room has 200 messages, or more where that would need over 2,000 rooms, and
there is a worker for every 5,000,000 deliveries. Records are made and written in chunks, so that
memory does not depend on the size.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gauntlet.core.history import DTYPE, GROUPS_PER_WORKER, Channel, Kind, shard_name
from gauntlet.core.history import user_shard_name as users_of
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir, write_json
from gauntlet.core.scenario.model import from_builtins, to_builtins

S, MS, US = 1_000_000_000, 1_000_000, 1_000
ZERO = 5_000 * S
RAMP_S, STEADY_S, QUIESCE_S = 2, 60, 6
MESSAGES_MIN, ROOMS_MAX = 200, 2_000
DELIVERIES_OF_WORKER = 5_000_000
CHUNK_MESSAGES = 200_000
AUDIT_NS = ZERO + (RAMP_S + STEADY_S + QUIESCE_S) * S

Records = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How much is generated; `conversations` and `messages` (in each conversation) follow."""

    deliveries: int
    members: int
    conversations: int
    messages: int
    workers: int

    @classmethod
    def of(
        cls, deliveries: int, *, members: int = 5, workers: int | None = None, solo: bool = False
    ) -> "Size":
        """Return a size with about that many deliveries."""
        if solo:
            return cls(deliveries, members, 1, max(1, deliveries // members), 1)
        messages = max(
            min(MESSAGES_MIN, max(1, deliveries // members)), deliveries // (members * ROOMS_MAX)
        )
        workers = workers or max(1, deliveries // DELIVERIES_OF_WORKER)
        conversations = max(1, deliveries // (members * messages))
        return cls(deliveries, members, conversations, messages, min(workers, conversations))


def generate(folder: Path, size: Size, seed: int = 1) -> RunDir:
    """Write a run directory of that size into a new folder and return it."""
    run = RunDir(folder)
    for path in (run.events, run.history, run.latency, run.logs):
        path.mkdir(parents=True)
    write_json(run.manifest, _manifest(size))
    _write_rows(run.links, _names(size))
    random = np.random.default_rng(seed)
    for worker in range(size.workers):
        counts = {users_of(worker): _write(run, users_of(worker), [_connections(size, worker)])}
        for group in range(GROUPS_PER_WORKER):
            convs = [conv for conv in _convs(size, worker) if conv % GROUPS_PER_WORKER == group]
            if convs:
                name = shard_name(worker, convs[0])
                counts[name] = _write(run, name, _talk(size, convs, random))
        _write_rows(run.events / f"load-{worker}.jsonl", _events(size, worker, counts))
    return run


def _convs(size: Size, worker: int) -> list[int]:
    """Return the numbers of a worker's conversations."""
    first = worker * NUMBERS_PER_WORKER + 1
    return [first + at for at in range(len(range(worker, size.conversations, size.workers)))]


def _members(size: Size, conv: int) -> list[int]:
    """Return the members of a conversation: users of no other, whose link has their number."""
    base = conv - conv % NUMBERS_PER_WORKER
    first = (conv % NUMBERS_PER_WORKER - 1) * size.members + 1
    return [base + first + at for at in range(size.members)]


def _talk(size: Size, convs: list[int], random: np.random.Generator) -> Iterator[Records]:
    """Yield the records of some conversations in the order of their times, in chunks."""
    step = max(1, CHUNK_MESSAGES // len(convs))
    turns = [
        np.arange(first, min(first + step, size.messages), dtype=np.int64)
        for first in range(0, size.messages, step)
    ]
    for some in turns:
        yield _sent(size, convs, some, random)
    for some in turns:
        yield _audited(size, convs, some)
    last = np.array(convs, dtype=np.int64)
    head = {"conv": last, "seq": np.full_like(last, size.messages)}
    yield _records(Kind.HEAD, np.full_like(last, AUDIT_NS + size.messages + 1), head)


def _turns(size: Size, convs: list[int], turns: Ints) -> dict[str, Ints]:
    """Return the columns of the messages of some turns, in which the members write in turn."""
    conv = np.repeat(np.array(convs, dtype=np.int64), turns.size)
    turn = np.tile(turns, len(convs))
    first_member = (conv % NUMBERS_PER_WORKER - 1) * size.members + 1
    base = conv - conv % NUMBERS_PER_WORKER + first_member
    return {
        "conv": conv,
        "peer": base + turn % size.members,
        "sseq": turn // size.members + 1,
        "seq": turn + 1,
        "ref_ns": ZERO + RAMP_S * S + turn * _gap_ns(size),
    }


def _gap_ns(size: Size) -> int:
    """Return the time between two messages of a conversation: longer than all latencies."""
    return (STEADY_S - 1) * S // size.messages


def _sent(size: Size, convs: list[int], turns: Ints, random: np.random.Generator) -> Records:
    columns, gap_ns = _turns(size, convs, turns), _gap_ns(size)
    seq, total = columns.pop("seq"), columns["conv"].size
    intended = columns["ref_ns"] = columns["ref_ns"] + random.integers(0, gap_ns // 4 + 1, total)
    acked = intended + np.minimum(random.integers(2 * MS, 20 * MS, total), gap_ns // 4)
    sender = columns | {"link": columns["peer"]}
    once = np.ones_like(seq)
    parts = [
        _records(Kind.OP, intended + 10, sender),
        _records(Kind.ATTEMPT, intended + 20, sender | {"spare": once}),
        _records(Kind.ACK, acked, sender | {"seq": seq, "spare": once}),
    ]
    first_member = columns["peer"] - (seq - 1) % size.members
    for member in range(size.members):
        took_ns = np.minimum(random.integers(3 * MS, 100 * MS, total), gap_ns // 2)
        seen = columns | {"link": first_member + member, "seq": seq}
        parts.append(_records(Kind.DELIVER, np.maximum(acked, intended + took_ns), seen))
    records = np.concatenate(parts)
    return records.take(np.argsort(records["t_ns"], kind="stable"))


def _audited(size: Size, convs: list[int], turns: Ints) -> Records:
    columns = _turns(size, convs, turns)
    flags = np.full_like(columns["conv"], Channel.AUDIT)
    records = _records(Kind.AUDIT, AUDIT_NS + columns["seq"], columns | {"flags": flags})
    return records.take(np.argsort(records["t_ns"], kind="stable"))


def _records(kind: Kind, t_ns: Ints, columns: dict[str, Ints]) -> Records:
    made = np.zeros(t_ns.size, dtype=np.dtype(DTYPE))
    made["kind"], made["t_ns"] = kind, t_ns
    for name, values in columns.items():
        made[name] = values
    return made


def _connections(size: Size, worker: int) -> Records:
    """Return the records of one connection for each user, for the whole run."""
    users = np.array([user for conv in _convs(size, worker) for user in _members(size, conv)])
    columns = {"link": users, "peer": users}
    up = np.full(users.size, ZERO + S, dtype=np.int64)
    down = np.full(users.size, ZERO + (RAMP_S + STEADY_S + QUIESCE_S) * S, dtype=np.int64)
    closed = columns | {"spare": np.full_like(users, 1000)}
    opened = columns | {"ref_ns": up - MS}
    return np.concatenate(
        [_records(Kind.CONNECT, up, opened), _records(Kind.DISCONNECT, down, closed)]
    )


def _write(run: RunDir, name: str, chunks: Iterable[Records]) -> int:
    """Write a shard chunk by chunk; return how many records it has."""
    count = 0
    with (run.history / name).open("wb") as shard:
        for records in chunks:
            records.tofile(shard)
            count += int(records.size)
    return count


def _events(size: Size, worker: int, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    audit_s = RAMP_S + STEADY_S + QUIESCE_S
    starts = {"ramp": 0, "steady": RAMP_S, "quiesce": RAMP_S + STEADY_S, "audit": audit_s}
    for phase, at_s in {**starts, "flushed": audit_s + 1}.items():
        yield {"t_ns": ZERO + at_s * S, "kind": "phase", "phase": phase}
    ops = len(_convs(size, worker)) * size.messages
    counted = {"intended": ops, "ops": ops, "acked": ops}
    counted |= dict.fromkeys(("missed", "rejected", "unknown", "missing"), 0)
    counted |= dict.fromkeys(("expected", "presented"), ops * size.members)
    yield {
        "t_ns": ZERO + (audit_s + 1) * S,
        "kind": "reconciliation",
        "worker": worker,
        "records": counts,
        **counted,
    }


def _names(size: Size) -> Iterator[dict[str, Any]]:
    for worker in range(size.workers):
        for conv in _convs(size, worker):
            members = _members(size, conv)
            yield {
                "row": "conv",
                "conv": conv,
                "name": f"r.{conv}",
                "workload": "group",
                "members": members,
            }
            for user in members:
                yield {"row": "user", "user": user, "name": f"u{user}"}
                yield {
                    "row": "link",
                    "link": user,
                    "user": user,
                    "device": "d0",
                    "incarnation": 1,
                    "edge": "edge-1",
                    "environment": "blue",
                }


def _manifest(size: Size) -> dict[str, Any]:
    scenario = {
        "version": 1,
        "name": "generated",
        "about": "A generated history without violations.",
        "load": {
            "users": size.conversations * size.members,
            "rate": max(1, size.conversations * size.messages // STEADY_S),
            "ramp": RAMP_S,
            "steady": STEADY_S,
        },
        "sla": [{"id": "fast", "indicator": "delivery_p99_ms", "op": "<", "value": 500}],
    }
    return {
        "schema_version": 1,
        "argv": ["generated"],
        "scenario": to_builtins(from_builtins(scenario)),
        "seed": 1,
        "bug": None,
        "stack": {"name": "embedded"},
    }


def _write_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def size_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a size."""
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--members", type=int, default=5, help="of each conversation")
    parser.add_argument("--workers", type=int, help="load workers that wrote it")
    parser.add_argument("--solo", action="store_true", help="one conversation holds everything")


def size_of(options: argparse.Namespace) -> Size:
    """Return the size that the options describe."""
    return Size.of(
        options.deliveries, members=options.members, workers=options.workers, solo=options.solo
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a history; prints its directory and its number of records."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="the new run directory")
    size_options(parser)
    options = parser.parse_args(arguments)
    run = generate(options.folder, size_of(options))
    records = sum(file.stat().st_size for file in run.history.glob("*.bin")) // 40
    print(f"{run.path}: {records:,} records")


if __name__ == "__main__":
    main()
