"""One run, from boot to verdict.

    run directory → stack (plan) → proxies → stack (ready) → load + faults → judge → report

Whatever happens on the way, faults are healed, child processes are ended, and the run directory is
kept.
"""

import dataclasses
import os
import shutil
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from gauntlet.chaos.clients import running_toxiproxy
from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.chaos.clocks.clocks import Clocks
from gauntlet.chaos.disks.disks import Disks
from gauntlet.chaos.faults import clock_targets, conflicts, disk_targets, victims
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, links_to_proxy
from gauntlet.core import labels, log_scrubber, os_limits, run_directory, run_lock
from gauntlet.core.errors import (
    ConfigError,
    GauntletError,
    Interrupted,
    RollbackError,
    StackError,
)
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario import rate_profiles
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.private import Private
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.reports.parts.judging import is_large
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge
from gauntlet.runner import manifest, preflight, private_values, signals
from gauntlet.runner.boot_request import boot_request
from gauntlet.runner.external import links
from gauntlet.runner.external.environment import command_environment
from gauntlet.runner.fault_thread import FaultThread
from gauntlet.runner.guards.guards import GuardStop
from gauntlet.runner.link_proxies import LinkProxies
from gauntlet.runner.load_process import LoadSource, new_tag, trusting, write_load_file
from gauntlet.runner.options import Options
from gauntlet.runner.private_values import ResolvedScenario
from gauntlet.runner.recovery import journal as recovery_journal
from gauntlet.runner.recovery import recover
from gauntlet.runner.recovery.fault_journal import FaultJournal
from gauntlet.runner.recovery.journal import RecoveryJournal
from gauntlet.runner.resource_monitor import ResourceMonitor
from gauntlet.runner.system_metrics.sampler import Sampler
from gauntlet.runner.view import View
from gauntlet.runner.vitals.components import ComponentSampler
from gauntlet.runner.watch import Watch, judging_s
from gauntlet.stacks import STACKS, BootedStack, installations

__all__ = ["Options", "run"]

LOAD_START_TIMEOUT_S = 600.0  # accounts and rooms may have to be created first
# After the timeline the load may quiesce (30 s), audit what is stored, and flush.
LOAD_END_TIMEOUT_S = 120.0


def run(
    scenario: Scenario, options: Options, source: LoadSource, view: View
) -> tuple[RunDir, dict[str, Any]]:
    """Run a scenario to its result; GauntletError if there is nothing to judge."""
    # Before anything exists: a secret without a value is an error of the configuration.
    resolved = private_values.resolve(scenario, allow_exec=options.allow_exec)
    log_scrubber.install(resolved.values)  # the adapter may log its settings
    preflight.check_adapter(resolved.filled)
    backend = conflicts.backend_for(scenario.faults, options.proxy_backend)
    options = dataclasses.replace(options, proxy_backend=backend)
    _recover_from_dead_runs(options, view)
    os_limits.raise_descriptors()  # children inherit it: a proxy needs two for each connection
    directory = _create_directory(options.out, scenario)
    run_directory.restrict_new_files()
    journal = Journal(directory, "run")
    orchestrator = _RunOrchestrator(resolved, options, source, view, directory, journal)
    try:
        # Locked, so that `gauntlet runs prune` keeps it.
        with run_lock.held(directory.path), ExitStack() as shown:
            shown.enter_context(view)
            if options.labels:
                labels.change(directory, options.labels)
            orchestrator.execute()
            view.phase("judging")
            view.expect(judging_s(directory))
            if is_large(directory):  # judged by forked processes, which threads of a view prevent
                shown.close()
                view.note(f"a large history is judged: about {judging_s(directory):.0f} s")
            result = judge(directory)
            run_directory.write_json(directory.result, result)
            render(directory, result)
    except ConfigError:
        # Nothing was started, so there is nothing to keep.
        shutil.rmtree(directory.path)
        raise
    except GauntletError as error:
        error.add_note(f"what was recorded of the run is in {directory.path}")
        raise
    finally:
        journal.close()
    return directory, result


def _recover_from_dead_runs(options: Options, view: View) -> None:
    """Undo what earlier runs left behind; RollbackError if that is not possible."""
    outcomes = recover.recover_all(allow_exec=options.allow_exec)
    for outcome in outcomes:
        view.note(f"left behind by {outcome.run}: {outcome.text}")
    if left := [outcome.text for outcome in outcomes if not outcome.done]:
        raise RollbackError(
            f"an earlier run was killed, and not all that it did is undone: {'; '.join(left)}. "
            "See `gauntlet recover --help`"
        )


def _create_directory(out: Path, scenario: Scenario) -> RunDir:
    try:
        return RunDir.create(out, scenario.name, scenario.seed)
    except OSError as error:
        raise ConfigError(
            f"--out must be a folder that can be written to; got {out} ({error.strerror})"
        ) from error


class _RunOrchestrator:
    """Starts the parts of one run in order, and ends them in reverse order."""

    def __init__(
        self,
        resolved: ResolvedScenario,
        options: Options,
        source: LoadSource,
        view: View,
        directory: RunDir,
        journal: Journal,
    ) -> None:
        scenario = self._scenario = resolved.scenario
        self._resolved = resolved
        self._options = options
        self._source = source
        self._view = view
        self._run = directory
        self._journal = journal
        self._manifest = manifest.build(
            scenario, options.argv, bug=options.bug, filled=resolved.filled
        )
        self._watch = Watch(scenario, directory, view)
        self._proxies = LinkProxies(options.proxy_backend, directory.logs, scenario.seed)
        self._disks = Disks(directory.logs / "disks.log")
        self._clocks = Clocks()
        self._recovery: RecoveryJournal | None = None
        self._stack: BootedStack | None = None
        self._data: Path | None = None
        self._api = list(resolved.filled.target.url)
        self._ca = ""
        self._context: Context | None = None
        self._faults: FaultThread | None = None
        self._stopped_by_guard = False

    def execute(self) -> None:
        """Boot, load, inject faults, stop. A run interrupted under load is still judged."""
        run_directory.write_json(self._run.manifest, self._manifest)
        try:
            with (
                signals.handled(self._open_faults, forced_exit=True) as handler,
                ExitStack() as cleanup,
                handler.reraising_lost(),  # but not during the clean-up
            ):
                self._boot(cleanup)
                self._start_load(cleanup)
                self._watch_load()
        except (Interrupted, StackError) as error:
            kind = "interrupted" if isinstance(error, Interrupted) else "error"
            self._journal.write(kind, message=str(error))
            if "ramp" not in self._watch.phases.seen:
                raise
            self._view.note(str(error))
        self._record_worker_clocks()
        if self._faults is not None:
            self._faults.raise_error()

    def _boot(self, cleanup: ExitStack) -> None:
        target = self._scenario.target
        proxies = self._proxies
        opened = recovery_journal.opened(self._run.id, self._run.path.resolve())
        recovery = self._recovery = cleanup.enter_context(opened)
        cleanup.callback(proxies.stop)
        if target.stack == "external":
            self._attach(cleanup, recovery)
            return
        self._begin_phase("boot", f"booting the {target.stack} stack")
        started = time.monotonic()
        data = self._data = recovery.create_temporary_folder()
        cleanup.callback(shutil.rmtree, data, ignore_errors=True)
        cleanup.callback(self._disks.stop)  # after the end of the stack
        python = self._options.server_python
        request = boot_request(self._resolved.filled, self._options.bug, data, self._run, python)
        if python is not None:
            version = installations.version_of(python)
            self._manifest["stack"]["server"] = {"python": python, "version": version}
        self._stack = STACKS[target.stack](request, self._on_component)
        cleanup.callback(self._stack.stop)
        components, links = self._stack.plan()
        plan = StackPlan.from_cluster(components, links)
        faults, seed = self._scenario.faults, self._scenario.seed
        conflicts.check(faults, plan, seed)
        self._manifest["victims"] = victims.random_orders(faults, plan, seed)
        proxied = links_to_proxy(faults, plan, self._options.proxy_mode)
        self._disks.mount(disk_targets.needed(faults, plan, components), data)
        advertise = proxies.open(link for link in links if link.name in proxied)
        self._prepare_clocks(cleanup, clock_targets.needed(faults, plan), recovery)
        ready = self._stack.start(advertise, self._disks.folders, self._clocks.environment)
        self._disks.settle()
        for pid in [*proxies.pids.values(), *self._disks.pids]:
            recovery.note_process(pid)
        self._api, self._ca = ready.api, ready.ca
        self._prepare_faults(cleanup, plan, ControlClient(ready.control, ready.token))
        self._manifest["stack"]["components"] = [
            {**each, "build": ready.builds[each["name"]]} if each["name"] in ready.builds else each
            for each in components
        ]
        self._record_proxies()
        boot_s = time.monotonic() - started
        self._begin_phase("ready", f"{len(components)} components are ready after {boot_s:.1f} s")

    def _prepare_clocks(
        self, cleanup: ExitStack, components: set[str], recovery: RecoveryJournal
    ) -> None:
        if components:
            folder = recovery.create_temporary_folder()
            cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
            self._clocks.prepare(components, folder)

    def _attach(self, cleanup: ExitStack, recovery: RecoveryJournal) -> None:
        """Put proxies in front of a running system, for the faults that need them."""
        if not self._scenario.faults and self._options.proxy_mode != "all":
            return
        if self._scenario.target.toxiproxy is not None:
            prefix = running_toxiproxy.prefix_of(self._run.id)
            recovery.note_toxiproxy(self._scenario.target.toxiproxy, prefix)
        attached = links.attach(self._scenario, self._options.proxy_mode, self._run.id)
        cleanup.callback(attached.detach)
        self._proxies.open(attached.links_to_proxy)
        self._proxies.add(attached.foreign_links)
        for pid in self._proxies.pids.values():
            recovery.note_process(pid)
        self._prepare_faults(cleanup, attached.plan, None)
        self._record_proxies()

    def _prepare_faults(
        self, cleanup: ExitStack, plan: StackPlan, control: ControlClient | None
    ) -> None:
        load = self._scenario.load
        assert self._recovery is not None
        chaos_journal = Journal(self._run, "chaos")
        cleanup.callback(chaos_journal.close)
        self._context = Context(
            plan=plan,
            proxies=self._proxies.links,
            control=control,
            journal=FaultJournal(
                chaos_journal, self._recovery, self._scenario.faults, self._run.path
            ),
            live=lambda: self._watch.live.last,
            logs=self._run.logs,
            usual_per_s=partial(rate_profiles.mean_per_s, load, arrival_trace.trace_of(load)),
            environment=command_environment(self._scenario, self._run.path, os.environ),
            seed=self._scenario.seed,
            disks=self._disks.mounted,
            no_disks=self._disks.unavailable,
            clocks=self._clocks.files,
            no_clocks=self._clocks.unavailable,
            ca=self._ca,
        )

    def _record_proxies(self) -> None:
        links = sorted(self._proxies.links)
        self._manifest["proxy"] = {"backend": self._proxies.backend, "links": links}
        run_directory.write_json(self._run.manifest, self._manifest)

    def _start_load(self, cleanup: ExitStack) -> None:
        self._begin_phase("load", "starting the load")
        scenario = trusting(self._scenario, self._ca)
        options, dial = self._options, self._proxies.dial if self._stack is None else {}
        # Before the load creates anything: `gauntlet clean` recognises by it what is of this run.
        tag = self._manifest["tag"] = new_tag(scenario)
        run_directory.write_json(self._run.manifest, self._manifest)
        load_file = write_load_file(
            self._run,
            scenario,
            self._api,
            options.workers,
            dial,
            traced_users=options.traced_users,
            tag=tag,
        )
        cleanup.callback(self._source.stop)
        self._source.start(self._run, load_file, Private(self._resolved.values, self._api))
        components = None
        if self._context is not None and self._context.control is not None:
            components = ComponentSampler(self._context.control.components, self._data)
        monitor = ResourceMonitor(Journal(self._run, "vitals"), self._first_processes, components)
        cleanup.callback(monitor.stop)
        monitor.start()
        if options.metrics is not None:
            sampler = Sampler(options.metrics)
            cleanup.callback(sampler.stop, self._run)
            sampler.start()
        deadline = time.monotonic() + LOAD_START_TIMEOUT_S
        seen = self._watch.phases.seen
        while "ramp" not in seen:
            self._watch.poll()
            if "ramp" not in seen and (self._source.ended() or time.monotonic() > deadline):
                raise StackError(f"the load did not start; see {self._run.logs / 'locust.log'}")
        if self._context is not None:
            self._faults = FaultThread(self._scenario, self._context, seen["ramp"])
            cleanup.callback(self._faults.stop)
            self._faults.start()

    def _first_processes(self) -> dict[str, int]:
        """The first process of each part whose resources are reported apart."""
        return {"load": self._source.pid, **self._proxies.pids}

    def _watch_load(self) -> None:
        phases = self._watch.phases
        end_s = time.monotonic() + self._scenario.load.duration_s
        rows = phases.rows
        while not self._source.ended():
            self._watch.poll()
            if (stop := self._watch.guards.stop) is not None and not self._stopped_by_guard:
                self._stop_load(stop)
            # Workers on other hosts transfer their files at the end, which may take its time:
            # as long as they report progress, the load is not considered silent.
            if phases.rows > rows:
                rows, end_s = phases.rows, max(end_s, time.monotonic())
            if time.monotonic() > end_s + LOAD_END_TIMEOUT_S:
                raise StackError(
                    f"the load reported nothing for {LOAD_END_TIMEOUT_S:.0f} s after its end"
                )
            if self._stack is not None and not self._stack.running:
                raise StackError("the supervisor of the stack ended under load")
        self._watch.poll()

    def _stop_load(self, stop: GuardStop) -> None:
        """End the load because of a guard: Locust follows the journal, and ends it in order.

        Faults are healed meanwhile, so that deliveries and the audit of the end are not disturbed.
        """
        self._stopped_by_guard = True
        self._journal.write("guard", **stop.row())
        self._view.note(f"{stop.sentence}. The run ends in order and is judged.")
        if self._faults is not None:
            self._faults.stop()

    def _record_worker_clocks(self) -> None:
        """Add to the manifest how the clocks of workers on other hosts relate to ours."""
        if clocks := self._watch.phases.clocks:
            self._manifest["clock"] = manifest.with_workers(
                self._manifest["clock"], list(clocks.values())
            )
            run_directory.write_json(self._run.manifest, self._manifest)

    def _begin_phase(self, phase: str, text: str) -> None:
        self._journal.write("phase", phase=phase)
        self._view.phase(text)

    def _open_faults(self) -> list[str]:
        """The ids of the faults that are not healed yet."""
        return [] if self._recovery is None else list(self._recovery.leftovers.faults)

    def _on_component(self, event: dict[str, Any]) -> None:
        if self._recovery is not None:
            self._recovery.note_process(event.get("pid"))
        self._journal.write("component", **event)
        if event["event"] == "exited":
            status = event["detail"].get("status") or event["detail"].get("reason", "")
            self._view.note(f"{event['component']} has ended by itself ({status})")
