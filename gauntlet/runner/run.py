"""One run, from boot to verdict.

    run directory → stack (plan) → proxies → stack (ready) → load + faults → judge → report

Whatever happens on the way, faults are healed, children are ended and the run directory is kept.
"""

import shutil
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import ProxyMode, StackPlan, links_to_proxy
from gauntlet.chaos.proxy_process import Backend
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.chaos.server_hooks.faults import hooks_for
from gauntlet.chaos.timeline import Timeline
from gauntlet.core import clock, hosts, os_limits, run_directory
from gauntlet.core.errors import ConfigError, GauntletError, Interrupted, StackError
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario import arrival_trace, rate_profiles
from gauntlet.core.scenario.capabilities import CAPABILITIES, FOR_DEVICES
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.tail import Tail
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge
from gauntlet.runner import manifest, preflight
from gauntlet.runner import signals as interrupts
from gauntlet.runner.link_proxies import Proxies
from gauntlet.runner.live_metrics import Live
from gauntlet.runner.load_process import LoadSource, Phases, write_load_file
from gauntlet.runner.resource_monitor import Vitals
from gauntlet.runner.view import View
from gauntlet.scenarios import adapters
from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.stacks import STACKS, BootedStack

POLL_S = 0.2
LOAD_START_TIMEOUT_S = 60.0
# After the timeline the load may quiesce (30 s), audit what is stored, and flush.
LOAD_END_TIMEOUT_S = 120.0
USERS_PER_WORKER_MIN = 2  # conversations live in one worker


@dataclass(frozen=True)
class Options:
    """How to run a scenario, apart from what the scenario says."""

    out: Path = Path("runs")
    bug: str | None = None
    proxy_mode: ProxyMode = "needed"
    proxy_backend: Backend = "auto"
    workers: int = 1
    own_load: bool = True  # False: a Locust that started us brings processes that we do not know
    argv: list[str] = field(default_factory=list)


def run(
    scenario: Scenario, options: Options, source: LoadSource, view: View
) -> tuple[RunDir, dict[str, Any]]:
    """Run a scenario to its result. Raises GauntletError when there is nothing to judge."""
    os_limits.raise_descriptors()  # ours, and so every child's: a proxy needs two a connection
    directory = _create(options.out, scenario)
    journal = Journal(directory, "run")
    conductor = _Conductor(scenario, options, source, view, directory, journal)
    try:
        conductor.execute()
        view.phase("judging")
        result = judge(directory)
        run_directory.write_json(directory.result, result)
        render(directory, result)
    except ConfigError:
        # Nothing was started, so there is nothing to keep.
        shutil.rmtree(directory.path)
        raise
    except GauntletError as error:
        error.add_note(f"what there is of the run is kept in {directory.path}")
        raise
    finally:
        journal.close()
    return directory, result


def _create(out: Path, scenario: Scenario) -> RunDir:
    try:
        return RunDir.create(out, scenario.name, scenario.seed)
    except OSError as error:
        why = error.strerror
        raise ConfigError(f"--out: found {out}; allowed: a folder to write to ({why})") from error


class _Conductor:
    """The state of one run while its processes live."""

    def __init__(
        self,
        scenario: Scenario,
        options: Options,
        source: LoadSource,
        view: View,
        directory: RunDir,
        journal: Journal,
    ) -> None:
        self._scenario = scenario
        self._options = options
        self._source = source
        self._view = view
        self._run = directory
        self._journal = journal
        self._manifest = manifest.build(scenario, options.argv, bug=options.bug)
        self._phases = Phases(directory)
        self._live = Live(directory)
        self._faults = Tail(directory.events / "chaos.jsonl")
        self._proxies = Proxies(options.proxy_backend, directory.logs, scenario.seed)
        self._stack: BootedStack | None = None
        self._api = list(scenario.target.url)
        self._context: Context | None = None
        self._chaos: _Chaos | None = None

    def execute(self) -> None:
        """Boot, load, disturb, stop. A run that was interrupted under load still gets judged."""
        run_directory.write_json(self._run.manifest, self._manifest)
        try:
            with (
                interrupts.raised() as signals,
                self._view,
                ExitStack() as cleanup,
                signals.insisting(),  # but not while we clean up
            ):
                self._boot(cleanup)
                self._start_load(cleanup)
                self._watch()
        except (Interrupted, StackError) as error:
            kind = "interrupted" if isinstance(error, Interrupted) else "error"
            self._journal.write(kind, message=str(error))
            if "ramp" not in self._phases.seen:
                raise
            self._view.note(str(error))
        self._keep_clocks()
        if self._chaos is not None:
            self._chaos.reraise()

    def _boot(self, cleanup: ExitStack) -> None:
        target = self._scenario.target
        proxies = self._proxies
        cleanup.callback(proxies.stop)
        if target.stack == "external":
            return
        self._begin("boot", f"booting the {target.stack} stack")
        started = time.monotonic()
        data = Path(tempfile.mkdtemp(prefix="gauntlet-"))
        cleanup.callback(shutil.rmtree, data, ignore_errors=True)
        self._stack = STACKS[target.stack](self._boot_request(data), self._on_component)
        cleanup.callback(self._stack.stop)
        components, links = self._stack.plan()
        plan = StackPlan.from_cluster(components, links)
        wanted = links_to_proxy(self._scenario.faults, plan, self._options.proxy_mode)
        ready = self._stack.start(proxies.open(link for link in links if link.name in wanted))
        self._api = ready.api
        load = self._scenario.load
        chaos_journal = Journal(self._run, "chaos")
        cleanup.callback(chaos_journal.close)
        self._context = Context(
            plan=plan,
            proxies=proxies.links,
            control=ControlClient(ready.control, ready.token),
            journal=chaos_journal,
            live=lambda: self._live.last,
            logs=self._run.logs,
            usual_per_s=partial(rate_profiles.mean_per_s, load, arrival_trace.of(load)),
        )
        self._manifest["stack"]["components"] = components
        self._manifest["proxy"] = {"backend": proxies.backend, "links": sorted(wanted)}
        run_directory.write_json(self._run.manifest, self._manifest)
        self._begin("ready", f"{len(components)} components, {time.monotonic() - started:.1f} s")

    def _boot_request(self, data: Path) -> dict[str, Any]:
        hooks = hooks_for(self._scenario.faults)
        if self._options.bug is not None:
            bug = BUGS[self._options.bug]
            for service in bug.services:
                hooks.setdefault(service, []).append(bug.module)
        return {
            "stack": self._scenario.target.stack,
            "data_dir": str(data),
            "log_dir": str(self._run.logs.resolve()),
            "config": self._scenario.target.server,
            "startup_hooks": hooks,
            "layout": self._scenario.target.layout,
        }

    def _start_load(self, cleanup: ExitStack) -> None:
        self._begin("load", "starting the load")
        load_file = write_load_file(self._run, self._scenario, self._api, self._options.workers)
        cleanup.callback(self._source.stop)
        self._source.start(self._run, load_file)
        vitals = Vitals(Journal(self._run, "vitals"), self._processes)
        cleanup.callback(vitals.stop)
        vitals.start()
        deadline = time.monotonic() + LOAD_START_TIMEOUT_S
        while "ramp" not in self._phases.seen:
            self._poll()
            if self._source.ended() or time.monotonic() > deadline:
                raise StackError(f"the load did not start; see {self._run.logs / 'locust.log'}")
        if self._context is not None:
            self._chaos = _Chaos(self._scenario, self._context, self._phases.seen["ramp"])
            cleanup.callback(self._chaos.stop)
            self._chaos.start()

    def _processes(self) -> dict[str, int]:
        return {"load": self._source.pid, **self._proxies.pids}

    def _watch(self) -> None:
        end_s = time.monotonic() + self._scenario.load.duration_s
        said = self._phases.rows
        while not self._source.ended():
            self._poll()
            # Workers of other hosts send what they recorded, which may take its time.
            if self._phases.rows > said:
                said, end_s = self._phases.rows, max(end_s, time.monotonic())
            if time.monotonic() > end_s + LOAD_END_TIMEOUT_S:
                raise StackError(f"the load was silent for {LOAD_END_TIMEOUT_S:.0f} s at its end")
            if self._stack is not None and not self._stack.running:
                raise StackError("the stack's supervisor ended under load")
        self._poll()

    def _keep_clocks(self) -> None:
        """Workers of other hosts have clocks of their own: how they stand to ours."""
        if self._phases.clocks:
            self._manifest["clock"] = manifest.with_workers(
                self._manifest["clock"], list(self._phases.clocks.values())
            )
            run_directory.write_json(self._run.manifest, self._manifest)

    def _poll(self) -> None:
        time.sleep(POLL_S)
        for phase in self._phases.poll():
            self._view.phase(phase)
        while self._phases.words:
            self._view.note(self._phases.words.pop(0))
        self._live.read_new()
        for row in self._faults.read_new():
            if row["kind"] == "fault":
                self._view.fault(row)
        self._view.tick(self._live.last, self._elapsed_s())
        self._obey_guards()

    def _elapsed_s(self) -> float | None:
        zero_ns = self._phases.seen.get("ramp")
        return None if zero_ns is None else max(0, clock.now_ns() - zero_ns) / clock.NS_PER_S

    def _obey_guards(self) -> None:
        # Later the run ends by itself: to stop it would throw away what it is to be judged by.
        lost = self._live.lost_early
        if lost and any(guard.check == "lost-acked" for guard in self._scenario.guards):
            raise Interrupted(f"a guard stopped the run: {lost} acknowledged messages lost")

    def _begin(self, phase: str, text: str) -> None:
        self._journal.write("phase", phase=phase)
        self._view.phase(text)

    def _on_component(self, event: dict[str, Any]) -> None:
        self._journal.write("component", **event)


class _Chaos:
    """The timeline in a thread of its own."""

    def __init__(self, scenario: Scenario, context: Context, zero_ns: int) -> None:
        self._timeline = Timeline(scenario.faults, context, zero_ns)
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="chaos")

    def start(self) -> None:
        """Begin the schedule."""
        self._thread.start()

    def stop(self) -> None:
        """End the schedule: what is still active is healed before this returns."""
        self._stop.set()
        self._thread.join()

    def reraise(self) -> None:
        """Raise what broke the timeline itself; a fault that failed is in the journal instead."""
        if self._error is not None:
            raise StackError(f"the fault timeline broke: {self._error}") from self._error

    def _run(self) -> None:
        try:
            self._timeline.run(self._stop)
        except Exception as error:  # noqa: BLE001 - told to the main thread by `reraise`
            self._error = error


def check_before_start(scenario: Scenario, options: Options) -> None:
    """What makes a run impossible, said before anything starts."""
    if options.bug is not None and options.bug not in BUGS:
        raise ConfigError(f"--bug: found {options.bug}; allowed: {', '.join(BUGS)}")
    if scenario.target.stack == "external":
        _check_external(scenario)
    _check_adapter(scenario)
    most = max(1, scenario.load.users // USERS_PER_WORKER_MIN)
    if not 1 <= options.workers <= most:
        allowed = f"1 to {most}, {USERS_PER_WORKER_MIN} users a worker at least"
        raise ConfigError(f"--workers: found {options.workers}; allowed: {allowed}")
    workers = options.workers if options.own_load else None
    preflight.check(scenario, options.proxy_mode, preflight.Machine.here(), workers)


def _check_adapter(scenario: Scenario) -> None:
    name, load = scenario.target.adapter, scenario.load
    needs = [("load.workload", one, WORKLOADS[one].needs) for one in load.workload]
    if load.devices > 1:
        needs.append(("load.devices", str(load.devices), FOR_DEVICES))
    for key, found, wanted in needs:
        if missing := wanted - adapters.find(name).capabilities:
            lacks = ", ".join(f"{one} ({CAPABILITIES[one]})" for one in sorted(missing))
            raise ConfigError(
                f"{key}: found {found}; allowed: what the adapter {name} can do, "
                f"which declares no {lacks}"
            )


def _check_external(scenario: Scenario) -> None:
    target = scenario.target
    if not target.url:
        raise ConfigError("target.url: found nothing; allowed: the URLs of the external stack")
    for url in target.url:
        host = urlsplit(url).hostname or ""
        if not hosts.is_loopback(host) and host not in target.allow_hosts:
            raise ConfigError(
                f"target.url: found {url}; allowed: loopback, and the hosts of target.allow_hosts"
            )
    if scenario.faults:
        kinds = ", ".join(fault.kind for fault in scenario.faults)
        raise ConfigError(f"faults: found {kinds}; allowed: none on an external stack")
