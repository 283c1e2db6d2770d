"""Surveys the shards of a run, and collects what all parts of its history share."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.history.arrays import ints, joined_records
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.never_connected import count_never_connected
from gauntlet.reports.parts import splitting
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.processes import parallel
from gauntlet.reports.parts.splitting import Span
from gauntlet.reports.parts.surveying import Survey


def are_separate(talk: Iterable[Survey]) -> bool:
    """Return whether each conversation has one shard, and users have shards of their own.

    The number 0 stands for no conversation.
    """
    known = list(talk)
    convs = np.concatenate([found.convs[found.convs > 0] for found in known])
    return np.unique(convs).size == convs.size and not any(found.of_some_users for found in known)


def prepare(
    run: RunDir,
    scenario: Scenario,
    events: Events,
    capabilities: frozenset[str],
    traits: Traits,
    files: dict[str, Path],
    surveys: list[Survey],
) -> Context:
    """Return what the parts of a run share."""
    of_users = [files[found.name] for found in surveys if found.of_users]
    every = Span("", 0, (1 << 32) - 1)
    users = joined_records(splitting.read_spans(file, (every,), events.clocks) for file in of_users)
    names = Names.read(run, events.lost)
    spans_ns = [found.span_ns for found in surveys if found.span_ns is not None]
    span_ns = min(first for first, _ in spans_ns), max(last for _, last in spans_ns)
    sessions = Sessions(users, names, events.quiesce_started_ns, span_ns[0])
    devices = scenario.load.devices
    live = read_jsonl(run.live)
    by_user = np.argsort(users["peer"], kind="stable")
    pushes = None
    if ROOMS in capabilities and any(found.has_rooms for found in surveys):
        jobs = list(files.values())
        pushes = splitting.merge_last_pushes(parallel(splitting.last_pushes, jobs, events.clocks))
    return Context(
        scenario=scenario,
        events=events,
        names=names,
        capabilities=capabilities,
        traits=traits,
        files={name: file for name, file in files.items() if file not in of_users},
        users=users,
        by_user=by_user,
        owners=ints(users["peer"])[by_user],
        span_ns=span_ns,
        never_connected=count_never_connected(live, events, names, sessions, devices),
        pushes=pushes,
    )
