"""descriptor-limit: processes can open no more files and accept no more connections."""

import contextlib
import resource
import threading
from pathlib import Path
from typing import ClassVar, NamedTuple

import psutil

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_PROBE_TIMEOUT_S = 1.0


class _Limited(NamedTuple):
    """A process, its limits before, and how to try a new connection to it."""

    process: psutil.Process
    before: tuple[int, int]
    kind: str
    address: str

    def exhaust(self) -> None:
        """Lower the limit to the lowest descriptor that is free, so that none can be opened.

        The kernel compares numbers, so descriptors above the limit stay open. A connection that
        ends later frees one below it.
        """
        try:
            used = {int(entry.name) for entry in Path(f"/proc/{self.process.pid}/fd").iterdir()}
        except OSError as error:
            reason = f"the descriptors of process {self.process.pid} cannot be read"
            raise StackError(f"{reason}: {error}") from error
        free = next(number for number in range(len(used) + 1) if number not in used)
        _set_limit(self.process, min(free, self.before[0]), self.before[1])


class DescriptorLimit:
    """Lowers `RLIMIT_NOFILE` of running processes to what they have open (`prlimit`, Linux)."""

    kind: ClassVar[FaultKind] = FaultKind(
        "descriptor-limit",
        "limits the file descriptors of processes to those in use, so that none is left",
        targets=("role",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._limited: dict[str, _Limited] = {}
        self._unproven: Evidence = {}
        # A proof that goes on meanwhile must not lower a limit after the heal.
        self._lock = threading.Lock()
        self._healed = False

    def inject(self, context: Context) -> Evidence:
        """Lower the limit of each component; its children keep theirs."""
        for name, victim in choose(context, self._spec).items():
            limited = self._limited[name] = _measure(context, victim)
            context.refusing.add((self._spec.id, name))
            limited.exhaust()
        return {"components": sorted(self._limited)}

    def prove(self, context: Context) -> Evidence:
        """The kernel has the limit, and a new connection is not answered, as it was before.

        A connection that has ended since has freed a descriptor, so the limit is lowered again.
        """
        last: Evidence = {}

        def all_exhausted() -> bool | None:
            last.update(
                {name: _observe(each, context.stop) for name, each in self._limited.items()}
            )
            if context.stop.is_set():  # a probe that was ended early proves nothing
                return None
            answering = [name for name, seen in last.items() if seen["answered"]]
            for name in answering:
                self._exhaust(name)
            lowered = (seen["limit"] < self._limited[name].before[0] for name, seen in last.items())
            return (all(lowered) and not answering) or None

        proven = poll(all_exhausted, PROVE_S, context.stop)
        if self._limited and proven:
            return last
        self._unproven = last
        return {}

    def heal(self, context: Context) -> Evidence:
        """Restore the limits; a process that was restarted meanwhile has its own."""
        with self._lock:
            self._healed = True
        for name, each in self._limited.items():
            if each.process.is_running():  # psutil compares the start, not only the id
                _set_limit(each.process, *each.before)
            context.refusing.discard((self._spec.id, name))
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The limits are those of before, and a new connection to what is up is answered."""
        found: Evidence = {}

        def all_answer() -> bool | None:
            up = set(context.running(self._spec.target))
            seen = {
                name: _observe(each)
                for name, each in self._limited.items()
                if each.process.is_running()
            }
            found.update(seen)
            healed = (
                state["limit"] == self._limited[name].before[0]
                and (state["answered"] or name not in up)
                for name, state in seen.items()
            )
            return all(healed) or None

        if self._limited and not poll(all_answer, VERIFY_S):
            raise RollbackError(f"these processes still lack descriptors: {found}")
        return found

    def _exhaust(self, name: str) -> None:
        """Lower the limit again, unless the fault is healed."""
        with self._lock:
            if not self._healed:
                self._limited[name].exhaust()


def _measure(context: Context, victim: Component) -> _Limited:
    """Return what the fault needs to know of a component; StackError if it cannot act on it."""
    kinds = [link.kind for link in context.plan.links if link.component == victim.name]
    address = victim.address or ""
    if not kinds or link_probe.probe(kinds[0], address, _PROBE_TIMEOUT_S).rtt_ms is None:
        raise StackError(f"{victim.name} answers no connection, even before the fault")
    try:
        process = psutil.Process(victim.pid)
        return _Limited(process, _limits(process), kinds[0], address)
    except (OSError, psutil.Error) as error:
        raise StackError(f"the limits of {victim.name} cannot be read: {error}") from error


def _observe(limited: _Limited, stop: threading.Event | None = None) -> Evidence:
    result = link_probe.probe(limited.kind, limited.address, _PROBE_TIMEOUT_S, stop)
    soft, used = -1, -1
    with contextlib.suppress(OSError, psutil.Error):
        soft, used = _limits(limited.process)[0], limited.process.num_fds()
    return {
        "pid": limited.process.pid,
        "limit": soft,
        "open": used,
        "answered": result.rtt_ms is not None,
        "probe": result.as_evidence(),
    }


def _limits(process: psutil.Process) -> tuple[int, int]:
    if not hasattr(resource, "prlimit"):
        raise StackError("limits of another process can only be changed on Linux (prlimit)")
    return resource.prlimit(process.pid, resource.RLIMIT_NOFILE)


def _set_limit(process: psutil.Process, soft: int, hard: int) -> None:
    try:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    except ProcessLookupError:
        return
    except OSError as error:
        raise StackError(
            f"the limit of process {process.pid} cannot be set to {soft}: {error.strerror}; it "
            "takes the same user, or root"
        ) from error
